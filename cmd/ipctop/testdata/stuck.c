// Programs that get stuck on each other, and some that only look stuck. The first argument
// is the program's name, the second a directory for files.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *dir;
static struct shared {
	pthread_mutex_t m[3];
	pthread_cond_t cond;
	int waiting;
	sem_t sem, crossed[2];
	pthread_barrier_t ready;
} *sh;

static int file(const char *name) {
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		perror(path), exit(1);
	return fd;
}

static void both_ready(void) { pthread_barrier_wait(&sh->ready); }

static void share(int n) {
	sh = mmap(0, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_t a;
	pthread_barrierattr_init(&a);
	pthread_barrierattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&sh->ready, &a, n);
}

static void mutexes(const char *kind) {
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	if (!strcmp(kind, "robust"))
		pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	if (!strcmp(kind, "pi"))
		pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	for (int i = 0; i < 3; i++)
		pthread_mutex_init(&sh->m[i], &a);
}

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER, two = PTHREAD_MUTEX_INITIALIZER;

static void *second(void *unused) {
	pthread_mutex_lock(&two);
	both_ready();
	pthread_mutex_lock(&one);
	return unused;
}

static void lock_one(int signal) { pthread_mutex_lock(&one); }
static void look_up(int signal) { getpwnam("nobody"); }
static void post(int signal) { sem_post(&sh->sem); }

static int self[2];

static void tell(int signal) { if (write(self[1], &signal, 1) < 0) _exit(1); }

static void *want_one(void *unused) {
	pthread_mutex_lock(&one);
	return unused;
}

static void *keep_one(void *unused) {
	pthread_mutex_lock(&one);
	both_ready();
	pause();
	return unused;
}

static void posix_lock(int fd, int cmd) {
	struct flock l = {.l_type = F_WRLCK};
	if (fcntl(fd, cmd, &l))
		perror("fcntl");
}

static char big[1 << 22];

static void fill(int fd) { if (write(fd, big, sizeof big) < 0) perror("write"); }

static int rest(void *unused) {
	pause();
	_exit(unused != 0);
}

static char stack[1 << 16];

static int semid;

static void down(int n) {
	struct sembuf b = {n, -1, 0};
	semop(semid, &b, 1);
}

// wait_at_cond starts a process that waits on the condition variable, the n-th one to do so.
static pid_t wait_at_cond(int n) {
	pid_t child = fork();
	if (!child) {
		pthread_mutex_lock(&sh->m[0]);
		for (sh->waiting++;;) pthread_cond_wait(&sh->cond, &sh->m[0]);
	}
	for (int there = 0; !there; usleep(10000))
		pthread_mutex_lock(&sh->m[0]), there = sh->waiting == n, pthread_mutex_unlock(&sh->m[0]);
	return child;
}

static void child_of_three(int i, int (*p)[2]) {
	// Process i has mutex i. 0 wants mutex 1, 1 wants mutex 2, and 2 writes to a
	// pipe that only 0 reads.
	pthread_mutex_lock(&sh->m[i]);
	if (i != 0) close((*p)[0]);
	if (i != 2) close((*p)[1]);
	both_ready();
	if (i < 2)
		pthread_mutex_lock(&sh->m[i + 1]);
	else
		fill((*p)[1]);
}

int main(int argc, char **argv) {
	const char *what = argv[1];
	dir = argv[2];
	share(2);
	if (!strcmp(what, "normal") || !strcmp(what, "robust") || !strcmp(what, "pi")) {
		mutexes(what);
		int i = fork() != 0;
		pthread_mutex_lock(&sh->m[i]);
		both_ready();
		pthread_mutex_lock(&sh->m[!i]);
	} else if (!strcmp(what, "private")) {
		pthread_t t;
		pthread_create(&t, 0, second, 0);
		pthread_mutex_lock(&one);
		both_ready();
		pthread_mutex_lock(&two);
	} else if (!strcmp(what, "flock") || !strcmp(what, "ofd")) {
		int i = fork() != 0, own = file(i ? "a" : "b"), other = file(i ? "b" : "a"), ofd = what[0] == 'o';
		ofd ? posix_lock(own, F_OFD_SETLKW) : (void)flock(own, LOCK_EX);
		both_ready();
		ofd ? posix_lock(other, F_OFD_SETLKW) : (void)flock(other, LOCK_EX);
	} else if (!strcmp(what, "posix-flock")) {
		int i = fork() != 0, a = file("a"), b = file("b");
		i ? posix_lock(a, F_SETLKW) : (void)flock(b, LOCK_EX);
		both_ready();
		i ? (void)flock(b, LOCK_EX) : posix_lock(a, F_SETLKW);
	} else if (!strcmp(what, "pipes")) {
		int p[2], q[2];
		if (pipe(p) || pipe(q)) return 1;
		if (fork()) { close(p[0]); close(q[1]); fill(p[1]); } else { close(q[0]); close(p[1]); fill(q[1]); }
	} else if (!strcmp(what, "sockets")) {
		int s[2], i;
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, s)) return 1;
		i = fork() != 0;
		close(s[!i]);
		recv(s[i], big, 1, 0);
	} else if (!strcmp(what, "tcp")) {
		struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t size = sizeof at;
		int l = socket(AF_INET, SOCK_STREAM, 0), s[2], i;
		if (bind(l, (void *)&at, size) || listen(l, 1) || getsockname(l, (void *)&at, &size)) return 1;
		s[0] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(s[0], (void *)&at, size)) return 1;
		s[1] = accept(l, 0, 0);
		close(l);
		i = fork() != 0;
		close(s[!i]);
		recv(s[i], big, 1, 0);
	} else if (!strcmp(what, "sockets-limit")) {
		int s[2], i;
		struct timeval limit = {1000, 0};
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, s)) return 1;
		setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		i = fork() != 0;
		close(s[!i]);
		recv(s[i], big, 1, 0);
	} else if (!strcmp(what, "three")) {
		int p[2];
		share(3);
		mutexes("normal");
		if (pipe(p)) return 1;
		int i = fork() == 0 ? 1 : fork() == 0 ? 2 : 0;
		child_of_three(i, &p);
	} else if (!strcmp(what, "semop")) {
		semid = semget(IPC_PRIVATE, 2, 0600);
		dprintf(1, "%d\n", semid);
		for (int n = 0; n < 2; n++) semctl(semid, n, SETVAL, 1);
		int i = fork() != 0;
		down(i);
		both_ready();
		down(!i);
	} else if (!strcmp(what, "alarm")) {
		// Like flock, but a timer would wake one of them.
		int i = fork() != 0, own = file(i ? "a" : "b"), other = file(i ? "b" : "a");
		timer_t t;
		struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
		struct itimerspec in = {.it_value = {1000, 0}};
		if (i) { signal(SIGUSR1, exit); timer_create(CLOCK_MONOTONIC, &e, &t); timer_settime(t, 0, &in, 0); }
		flock(own, LOCK_EX);
		both_ready();
		flock(other, LOCK_EX);
	} else if (!strcmp(what, "accept")) {
		// Four processes take turns to accept by a lock; the one that holds it is idle.
		struct sockaddr_in any = {.sin_family = AF_INET};
		int s = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(s, (void *)&any, sizeof any) || listen(s, 8)) return 1;
		fork(), fork();
		int fd = file("accept"), ep = epoll_create1(0);
		struct epoll_event ev = {.events = EPOLLIN};
		epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev);
		flock(fd, LOCK_EX);
		epoll_wait(ep, &ev, 1, -1);
	} else if (!strcmp(what, "watch")) {
		// Two processes read from a pipe into which nobody ever writes, to notice the end
		// of the third process, which is idle.
		int p[2];
		if (pipe(p)) return 1;
		int parent = fork() != 0 && fork() != 0;
		close(p[!parent]);
		if (parent) pause(); else if (read(p[0], big, 1) < 0) return 1;
	} else if (!strcmp(what, "tokens")) {
		// All read from a pipe, all have both of its ends, and no token is left.
		int p[2];
		if (pipe(p)) return 1;
		fork(), fork();
		if (read(p[0], big, 1) < 0) return 1;
	} else if (!strcmp(what, "workers")) {
		int id = msgget(IPC_PRIVATE, 0600);
		dprintf(1, "%d\n", id);
		fork(), fork();
		struct { long type; char text[1]; } m;
		msgrcv(id, &m, 1, 0, 0);
	} else if (!strcmp(what, "vfork")) {
		if (!vfork()) rest(0);
	} else if (!strcmp(what, "clone")) { // like posix_spawn
		clone(rest, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, 0);
	} else if (!strcmp(what, "connect")) {
		// A listener that does not accept, and one connection more than its queue has room for.
		struct sockaddr_un at = {.sun_family = AF_UNIX};
		int s = socket(AF_UNIX, SOCK_STREAM, 0);
		snprintf(at.sun_path, sizeof at.sun_path, "%s/s", dir);
		if (bind(s, (void *)&at, sizeof at) || listen(s, 0)) return 1;
		if (!fork()) {
			close(s);
			for (int i = 0; i < 3; i++) connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&at, sizeof at);
		}
	} else if (!strcmp(what, "handler")) {
		// A signal arrives while the thread holds the mutex that its handler wants.
		signal(SIGUSR1, lock_one);
		pthread_mutex_lock(&one);
		raise(SIGUSR1);
	} else if (!strcmp(what, "library")) {
		// The same with a lock inside the C library, which is hit sooner or later.
		signal(SIGUSR1, look_up);
		pid_t self = getpid();
		if (!fork())
			for (int i = 0; i < 1000 && getppid() == self; i++) kill(self, SIGUSR1), usleep(7777);
		else
			for (;;) getpwnam("nobody");
		_exit(0);
	} else if (!strcmp(what, "forked")) {
		// A process is forked while another thread holds the mutex that the child wants.
		pthread_t t;
		signal(SIGTERM, lock_one);
		pthread_create(&t, 0, keep_one, 0);
		both_ready();
		if (!fork()) pthread_mutex_lock(&one);
		waitpid(-1, 0, 0);
	} else if (!strcmp(what, "posts")) {
		// A handler posts what the thread waits for; another handler wants its mutex.
		pthread_t t;
		sem_init(&sh->sem, 0, 0);
		signal(SIGUSR1, post);
		pthread_mutex_lock(&one);
		pthread_create(&t, 0, want_one, 0);
		sem_wait(&sh->sem);
	} else if (!strcmp(what, "posts-polled")) {
		// A handler writes to the pipe that the thread polls; another handler wants its mutex.
		pthread_t t;
		if (pipe(self)) perror("pipe");
		signal(SIGUSR1, tell);
		pthread_mutex_lock(&one);
		pthread_create(&t, 0, want_one, 0);
		poll(&(struct pollfd){self[0], POLLIN}, 1, -1);
	} else if (!strcmp(what, "posts-blocked")) {
		// The signal whose handler posts what the thread waits for is blocked.
		pthread_t t;
		sigset_t all;
		sem_init(&sh->sem, 0, 0);
		signal(SIGUSR1, post);
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, 0);
		pthread_mutex_lock(&one);
		pthread_create(&t, 0, want_one, 0);
		sem_wait(&sh->sem);
	} else if (!strcmp(what, "abandoned") || !strcmp(what, "copied")) {
		// A child wants a mutex whose owner has ended, or was left behind by fork; its
		// parent waits for it.
		pthread_t t;
		mutexes("normal");
		pid_t child = 0;
		if (!strcmp(what, "abandoned")) {
			if (!(child = fork())) pthread_mutex_lock(&sh->m[0]), _exit(0);
			waitpid(child, 0, 0);
		} else {
			pthread_create(&t, 0, keep_one, 0);
			both_ready();
		}
		if (!(child = fork())) pthread_mutex_lock(strcmp(what, "copied") ? &sh->m[0] : &one), _exit(0);
		printf("%d %d\n", getpid(), child), fflush(stdout);
		waitpid(child, 0, 0);
		pause();
	} else if (!strcmp(what, "notifies")) {
		// The process that waited on a condition variable was killed. The process that
		// notifies it hangs, and its parent waits.
		int minor = 0;
		if (sscanf(gnu_get_libc_version(), "2.%d", &minor) != 1 || minor < 25 || minor > 40)
			return puts("this C library does not wait in pthread_cond_broadcast"), 0;
		mutexes("normal");
		pthread_condattr_t a;
		pthread_condattr_init(&a);
		pthread_condattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
		pthread_cond_init(&sh->cond, &a);
		pid_t child = wait_at_cond(1);
		kill(child, SIGKILL), waitpid(child, 0, 0);
		pthread_cond_broadcast(&sh->cond); // closes the group of the killed waiter
		wait_at_cond(2);
		if (!(child = fork())) pthread_cond_broadcast(&sh->cond), _exit(0);
		printf("%d %d\n", getpid(), child), fflush(stdout);
		waitpid(child, 0, 0);
		pause();
	} else if (!strcmp(what, "uncollected")) {
		// A child ends while it holds the mutex, and nobody reaps it.
		mutexes("normal");
		if (!fork()) pthread_mutex_lock(&sh->m[0]), both_ready(), _exit(0);
		both_ready();
		pthread_mutex_lock(&sh->m[0]);
	} else if (!strcmp(what, "crossed")) {
		// Two semaphores serve as locks, and are taken in different orders.
		for (int i = 0; i < 2; i++) sem_init(&sh->crossed[i], 1, 1);
		int i = fork() != 0;
		sem_wait(&sh->crossed[i]);
		both_ready();
		sem_wait(&sh->crossed[!i]);
	} else if (!strcmp(what, "semaphore")) {
		sem_init(&sh->sem, 1, 0);
		if (fork() && fork()) pause();
		sem_wait(&sh->sem);
	}
	pause();
	return 0;
}
