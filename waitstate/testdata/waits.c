// Waits for good in one system call, with what that takes.
//
//	waits CALL FILE
//
// prints the thread that waits and a number that tells on what; ends when
// standard input does.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *call, *file;
static int fds[2], fd, fd2, id, child, what;
static volatile int tid;

static int is(const char *s) { return !strcmp(call, s); }

static void *wait_for_good(void *unused)
{
	static char big[1 << 20];
	struct { long type; char text[8]; } msg;
	struct pollfd p[2] = { { fds[0], POLLIN }, { -1, POLLIN } };
	struct epoll_event ev;
	struct sembuf op = { 1, -2, SEM_UNDO };
	struct flock lock = { .l_type = F_WRLCK, .l_start = 10, .l_len = 5 };
	sigset_t set;
	fd_set r;
	tid = syscall(SYS_gettid);
	sigfillset(&set);
	FD_ZERO(&r);
	FD_SET(fds[0], &r);
	if (is("read")) read(fds[0], big, 1);
	if (is("readv")) { struct iovec v = { big, 1 }; readv(fds[0], &v, 1); }
	if (is("write")) write(fds[1], big, sizeof big);
	if (is("splice")) splice(fds[0], NULL, fd, NULL, 1, 0);
	if (is("poll")) poll(p, 2, -1);
	if (is("poll-timeout")) poll(p, 2, 1000000);
	if (is("select")) select(fds[0] + 1, &r, NULL, NULL, NULL);
	if (is("epoll")) epoll_wait(fd, &ev, 1, -1);
	if (is("eventfd")) read(fd, big, 8);
	if (is("recv")) recv(fds[0], big, 1, 0);
	if (is("accept")) accept(fd, NULL, NULL);
	if (is("msgrcv")) msgrcv(id, &msg, 8, 7, 0);
	if (is("semop")) semop(id, &op, 1);
	if (is("flock")) flock(fd, LOCK_EX);
	if (is("fcntl")) fcntl(fd, F_SETLKW, &lock);
	if (is("wait4")) waitpid(child, NULL, 0);
	if (is("waitid")) waitid(P_PID, child, NULL, WEXITED);
	if (is("sigwait")) { int s; sigwait(&set, &s); }
	if (is("pause")) pause();
	if (is("sleep")) sleep(1000);
	if (is("open")) open(file, O_RDONLY);
	return NULL;
}

int main(int argc, char **argv)
{
	call = argv[1];
	file = argv[2];
	if (is("recv"))
		socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	else
		pipe(fds);
	struct stat st;
	fstat(fds[0], &st);
	what = st.st_ino;
	if (is("splice")) { int other[2]; pipe(other); fd = other[1]; }
	if (is("epoll")) {
		struct epoll_event ev = { EPOLLIN };
		fd = epoll_create1(0);
		epoll_ctl(fd, EPOLL_CTL_ADD, fds[0], &ev);
	}
	if (is("eventfd")) fd = eventfd(0, 0);
	if (is("accept")) {
		struct sockaddr_un a = { AF_UNIX };
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		bind(fd, (void *)&a, sizeof(sa_family_t));
		listen(fd, 1);
	}
	if (is("msgrcv")) what = id = msgget(IPC_PRIVATE, 0600);
	if (is("semop")) what = id = semget(IPC_PRIVATE, 2, 0600);
	if (is("flock") || is("fcntl")) {
		fd = open(file, O_RDWR | O_CREAT, 0600);
		fd2 = open(file, O_RDWR);
		if (is("flock")) flock(fd2, LOCK_EX);
	}
	if (is("wait4") || is("waitid") || is("fcntl")) {
		if ((what = child = fork()) == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			struct flock lock = { .l_type = F_WRLCK };
			if (is("fcntl")) fcntl(fd2, F_SETLKW, &lock);
			write(fds[1], "x", 1);
			pause();
		}
		char c;
		read(fds[0], &c, 1);
	}
	if (is("open")) { unlink(file); mkfifo(file, 0600); }
	pthread_t t;
	pthread_create(&t, NULL, wait_for_good, NULL);
	while (!tid)
		usleep(1000);
	printf("%d %d 0\n", tid, what);
	fflush(stdout);
	char c;
	while (read(0, &c, 1) > 0)
		;
	if (child) kill(child, SIGKILL);
	if (is("msgrcv")) msgctl(id, IPC_RMID, NULL);
	if (is("semop")) semctl(id, 0, IPC_RMID);
	_exit(0);
}
