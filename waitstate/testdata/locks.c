// A lock of each type in a file that two processes map, one holding it and the
// other waiting for it; or in one process, with two threads.
//
//	locks TYPE FILE
//
// prints the thread that holds it, the thread that waits and the lock's place in
// the file, then holds everything until standard input ends.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PLACE = 256 };

static union lock {
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
	pthread_barrier_t barrier;
	sem_t sem;
	struct {
		pthread_mutex_t mutex;
		pthread_cond_t cond;
	} c;
} *lock;

static const char *type;
static volatile int waiter;

static int is(const char *s) { return !strcmp(type, s); }

static int ends(const char *s)
{
	size_t n = strlen(type), m = strlen(s);
	return n >= m && !strcmp(type + n - m, s);
}

static void check(int err)
{
	if (err) {
		printf("%s: %s\n", type, strerror(err));
		exit(3);
	}
}

static void make(int shared)
{
	pthread_mutexattr_t m;
	pthread_rwlockattr_t r;
	pthread_condattr_t c;
	pthread_barrierattr_t b;
	pthread_mutexattr_init(&m);
	pthread_rwlockattr_init(&r);
	pthread_condattr_init(&c);
	pthread_barrierattr_init(&b);
	pthread_mutexattr_setpshared(&m, shared);
	pthread_rwlockattr_setpshared(&r, shared);
	pthread_condattr_setpshared(&c, shared);
	pthread_barrierattr_setpshared(&b, shared);
	if (strstr(type, "recursive"))
		pthread_mutexattr_settype(&m, PTHREAD_MUTEX_RECURSIVE);
	if (strstr(type, "errorcheck"))
		pthread_mutexattr_settype(&m, PTHREAD_MUTEX_ERRORCHECK);
	if (strstr(type, "robust"))
		pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST);
	if (strstr(type, "pi-"))
		check(pthread_mutexattr_setprotocol(&m, PTHREAD_PRIO_INHERIT));
	if (strstr(type, "rwlock"))
		check(pthread_rwlock_init(&lock->rwlock, &r));
	else if (strstr(type, "cond")) {
		check(pthread_mutex_init(&lock->c.mutex, &m));
		check(pthread_cond_init(&lock->c.cond, &c));
	} else if (strstr(type, "barrier"))
		check(pthread_barrier_init(&lock->barrier, &b, 2));
	else if (strstr(type, "sem"))
		check(sem_init(&lock->sem, shared, 0) ? errno : 0);
	else
		check(pthread_mutex_init(&lock->mutex, &m));
}

static void hold(void)
{
	if (strstr(type, "mutex"))
		check(pthread_mutex_lock(&lock->mutex));
	else if (strstr(type, "rwlock-r-"))
		check(pthread_rwlock_rdlock(&lock->rwlock));
	else if (strstr(type, "rwlock-w-"))
		check(pthread_rwlock_wrlock(&lock->rwlock));
}

static void *wait_for_it(void *unused)
{
	waiter = syscall(SYS_gettid);
	if (strstr(type, "mutex"))
		pthread_mutex_lock(&lock->mutex);
	else if (strstr(type, "-r-write") || strstr(type, "-w-write"))
		pthread_rwlock_wrlock(&lock->rwlock);
	else if (strstr(type, "-w-read"))
		pthread_rwlock_rdlock(&lock->rwlock);
	else if (strstr(type, "cond")) {
		pthread_mutex_lock(&lock->c.mutex);
		for (;;)
			pthread_cond_wait(&lock->c.cond, &lock->c.mutex);
	} else if (strstr(type, "barrier"))
		pthread_barrier_wait(&lock->barrier);
	else if (strstr(type, "sem"))
		while (sem_wait(&lock->sem))
			;
	pause();
	return NULL;
}

static void *sleeper(void *tid)
{
	*(volatile int *)tid = syscall(SYS_gettid);
	for (;;)
		pause();
	return NULL;
}

static void *joiner(void *thread)
{
	waiter = syscall(SYS_gettid);
	pthread_join(*(pthread_t *)thread, NULL);
	return NULL;
}

int main(int argc, char **argv)
{
	type = argv[1];
	int fd = open(argv[2], O_RDWR);
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (argc != 3 || p == MAP_FAILED)
		return 2;
	lock = (union lock *)(p + PLACE);
	int private = ends("-private"), holder = getpid();
	pid_t child = 0;
	if (is("join")) {
		static volatile int tid;
		static pthread_t a, b;
		pthread_create(&a, NULL, sleeper, (void *)&tid);
		pthread_create(&b, NULL, joiner, &a);
		while (!tid || !waiter)
			usleep(1000);
		holder = tid;
	} else {
		make(!private);
		hold();
		if (private) {
			pthread_t t;
			pthread_create(&t, NULL, wait_for_it, NULL);
			while (!waiter)
				usleep(1000);
		} else if ((child = fork()) == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			wait_for_it(NULL);
			_exit(0);
		} else
			waiter = child;
	}
	printf("%d %d %d\n", holder, waiter, PLACE);
	fflush(stdout);
	char c;
	while (read(0, &c, 1) > 0)
		;
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	_exit(0);
}
