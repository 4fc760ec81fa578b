/* Holds a shared robust mutex, shares memory of several kinds, has a thread that
 * waits for a semaphore set, and waits to be killed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

static int set;
static pthread_mutex_t taken = PTHREAD_MUTEX_INITIALIZER;

static void *take(void *arg)
{
	struct sembuf op = { 0, -1, 0 };
	semop(set, &op, 1);
	return arg;
}

static void *want(void *arg)
{
	pthread_mutex_lock(&taken);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_mutexattr_t a;
	pthread_mutex_t *m;
	pthread_t t;
	sigset_t mask;
	void *sysv, *shm;
	int seg = shmget(IPC_PRIVATE, 8192, 0600), fd = memfd_create("frames", 0), file;

	if (argc < 2 || seg < 0 || fd < 0)
		return 9;
	sysv = shmat(seg, 0, 0);
	shmctl(seg, IPC_RMID, 0);
	memset(sysv, 1, 8192);
	set = semget(IPC_PRIVATE, 1, 0600);
	ftruncate(fd, 4096);
	m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	file = open(argv[1], O_CREAT | O_RDWR, 0600);
	ftruncate(file, 12288);
	shm = mmap(0, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	memset(shm, 2, 12288);
	memset(mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), 3, 16384);
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m + 1, &a);
	pthread_mutex_lock(m + 1);
	pthread_mutex_lock(&taken);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGRTMIN + 2);
	pthread_sigmask(SIG_BLOCK, &mask, 0);
	pthread_create(&t, 0, take, 0);
	pthread_create(&t, 0, want, 0);
	pthread_kill(pthread_self(), SIGUSR1);
	printf("%d %d\n", getpid(), set);
	fflush(stdout);
	for (;;)
		pause();
}
