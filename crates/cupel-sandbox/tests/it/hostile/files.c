/* Attacks by paths: reading, writing, and leaving files that attack the process that collects them. */
#include "kit.h"

/* Tries to open each argument for reading. */
ATTACK(read_paths) {
  for (int i = 0; i < argc; i++)
    TRY(argv[i], open(argv[i], O_RDONLY));
  return 0;
}

/* Looks for a file through every path that could lead out of the box. */
ATTACK(indirect_paths) {
  static const char *const ways[] = {"/..", "/../../../..", "/proc/self/root", "/proc/1/root", "/proc/1/cwd", "/proc/self/cwd/../..",
                                     "/proc/thread-self/root/..", "/dev/fd/../../..", "/usr/../..", "/cell/../..", "/opt/host", "/mnt", "/host",
                                     "/cell/tmp"};
  for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s", ways[i], argv[0]);
    errno = 0;
    int fd = open(path, O_RDONLY);
    if (fd >= 0 || errno != ENOENT)
      say(ways[i], fd);
  }
  TRY("openat2 without RESOLVE flags", syscall(SYS_openat2, AT_FDCWD, argv[0], (uint64_t[3]){O_RDONLY, 0, 0}, 24));
  chdir("/");
  TRY("relative to /", open(argv[0] + 1, O_RDONLY));
  return 0;
}

ATTACK(write_paths) {
  for (int i = 0; i < argc; i++) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/cupel-was-here", argv[i]);
    TRY(argv[i], open(path, O_WRONLY | O_CREAT, 0644));
  }
  TRY("overwrite", open("/usr/bin/env", O_WRONLY));
  TRY("truncate", truncate("/usr/bin/env", 0));
  TRY("unlink", unlink("/usr/bin/env"));
  TRY("chmod", chmod("/usr/bin/env", 0777));
  TRY("chmod passwd", chmod("/etc/passwd", 0666));
  TRY("rename", rename("/usr/bin/env", "/usr/bin/env2"));
  TRY("utimes", utimes("/usr/bin/env", NULL));
  TRY("device", write_file("/dev/random", "x"));
  return 0;
}

ATTACK(proc_of_init) {
  static const char *const names[] = {"environ", "mem", "maps", "smaps", "auxv", "stack", "syscall", "io", "fd", "fdinfo/0", "task/1/environ",
                                      "cwd", "root", "exe", "ns/user", "map_files", "personality", "pagemap", "clear_refs", "timers", "cmdline", "status", "comm", "cgroup", "mountinfo", "wchan"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    char path[64], target[64], byte;
    sprintf(path, "/proc/1/%s", names[i]);
    errno = 0;
    int fd = open(path, O_RDONLY);
    long result = fd;
    if (fd >= 0) {
      struct stat st;
      fstat(fd, &st);
      /* Some files can be opened but not read. */
      result = S_ISDIR(st.st_mode) ? 0 : read(fd, &byte, 1);
    }
    say(names[i], result);
    if (readlink(path, target, sizeof target) >= 0)
      dprintf(1, "%s can be followed\n", names[i]);
  }
  TRY("write mem", open("/proc/1/mem", O_WRONLY));
  TRY("write oom_score_adj", open("/proc/1/oom_score_adj", O_WRONLY));
  return 0;
}

ATTACK(kernel_files) {
  static const char *const paths[] = {"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/kcore", "/proc/kallsyms", "/proc/cmdline",
                                      "/proc/mounts", "/proc/keys", "/proc/net/tcp", "/proc/meminfo", "/proc/cgroups", "/proc/version", "/proc/modules",
                                      "/sys", "/sys/fs/cgroup", "/sys/kernel", "/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/mqueue",
                                      "/dev/pts", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/loop-control", "/run", "/var/run/docker.sock"};
  for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
    errno = 0;
    int fd = open(paths[i], O_RDONLY);
    if (fd >= 0 || (errno != ENOENT && errno != EACCES))
      say(paths[i], fd);
  }
  TRY("write own oom_score_adj", write_file("/proc/self/oom_score_adj", "-1000"));
  TRY("write own coredump_filter", write_file("/proc/self/coredump_filter", "255"));
  TRY("write own uid_map", write_file("/proc/self/uid_map", "0 0 1"));
  TRY("write own timerslack", write_file("/proc/self/timerslack_ns", "1"));
  TRY("write own mem", open("/proc/self/mem", O_WRONLY));
  char group[4096] = {0};
  int fd = open("/proc/self/cgroup", O_RDONLY);
  read(fd, group, sizeof group - 1);
  dprintf(1, "own groups name the lane: %s\n", strstr(group, "lane") ? "yes" : "no");
  return 0;
}

ATTACK(descriptors) {
  for (int fd = 0; fd < 65536; fd++)
    if (fcntl(fd, F_GETFD) != -1) {
      char path[64], target[64] = {0};
      sprintf(path, "/proc/self/fd/%d", fd);
      readlink(path, target, sizeof target - 1);
      dprintf(1, "%d: %.4s\n", fd, target);
    }
  TRY("write standard input", write(0, "x", 1));
  TRY("read standard output", read(1, (char[1]){0}, 1));
  extern char **environ;
  for (char **e = environ; *e; e++)
    dprintf(1, "env %s\n", *e);
  return 0;
}

ATTACK(device_nodes) {
  TRY("char device", mknod("/box/mem", S_IFCHR | 0666, 1 << 8 | 1));
  TRY("block device", mknod("/box/disk", S_IFBLK | 0666, 254 << 8));
  TRY("whiteout", mknod("/box/white", S_IFCHR | 0666, 0));
  TRY("in /tmp", mknod("/tmp/mem", S_IFCHR | 0666, 1 << 8 | 1));
  TRY("in /dev/shm", mknod("/dev/shm/mem", S_IFCHR | 0666, 1 << 8 | 1));
  TRY("in /dev", mknod("/dev/mem", S_IFCHR | 0666, 1 << 8 | 1));
  return 0;
}

ATTACK(box_itself) {
  TRY("rename /box", rename("/box", "/tmp/box"));
  TRY("rename a directory over /box", mkdir("/tmp/x", 0755) < 0 ? -2 : rename("/tmp/x", "/box"));
  TRY("rmdir /box", rmdir("/box"));
  TRY("rmdir /tmp", rmdir("/tmp"));
  TRY("rmdir /cell/box", rmdir("/cell/box"));
  TRY("rename /cell/box", rename("/cell/box", "/cell/tmp/box"));
  TRY("write in /cell", write_file("/cell/x", "x"));
  TRY("write in /", write_file("/x", "x"));
  TRY("chmod /tmp", chmod("/tmp", 0));
  TRY("chmod /box", chmod("/box", 0));
  TRY("write in /box", write_file("/box/x", "x"));
  return 0;
}

ATTACK(hard_links) {
  TRY("/etc/passwd", link("/etc/passwd", "/box/passwd"));
  TRY("/usr/bin/env", link("/usr/bin/env", "/box/env"));
  TRY("own executable", linkat(AT_FDCWD, "/proc/self/exe", AT_FDCWD, "/box/self", AT_SYMLINK_FOLLOW));
  TRY("directory", mkdir("/box/d", 0755) < 0 ? -2 : link("/box/d", "/box/d/loop"));
  TRY("across", write_file("/tmp/t", "x") < 0 ? -2 : link("/tmp/t", "/box/t"));
  return 0;
}

/* --- left in the box to attack the process that collects files --- */

ATTACK(leave_link) {
  symlink("/etc/passwd", "/box/main");
  symlink("/etc", "/box/dir");
  symlink(".", "/box/loop");
  symlink("loop", "/box/loop2");
  symlink("../../../../../../etc/passwd", "/box/relative");
  symlink("/proc/self/environ", "/box/environ");
  mkdir("/box/sub", 0755);
  symlink("..", "/box/sub/up");
  return write_file("/box/honest", "honest\n");
}

ATTACK(leave_special) {
  mkfifo("/box/main", 0666);
  mkfifo("/box/fifo2", 0);
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/box/socket"};
  bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, sizeof name);
  return write_file("/box/honest", "honest\n");
}

ATTACK(leave_names) {
  char name[300] = "/box/";
  memset(name + 5, 'n', 255);
  int bad = write_file(name, "long\n");
  bad |= write_file("/box/new\nline", "x");
  bad |= write_file("/box/\xff\xfe", "x");
  bad |= write_file("/box/back\\slash", "x");
  bad |= write_file("/box/-rf", "dash\n");
  bad |= write_file("/box/...", "dots\n");
  bad |= write_file("/box/a b\xc3\xbc", "space\n");
  memset(name + 5, 'n', 256);
  name[261] = 0;
  TRY("256 bytes", write_file(name, "x"));
  return bad;
}

ATTACK(leave_many) {
  int n = atoi(argv[0]);
  for (int i = 0; i < n; i++) {
    char path[32];
    sprintf(path, "/box/%d", i);
    if (write_file(path, "x") < 0) {
      say("write", -1);
      return 1;
    }
  }
  return 0;
}

ATTACK(leave_sparse) {
  int fd = open("/box/main", O_RDWR | O_CREAT, 0644);
  TRY("ftruncate", ftruncate(fd, 1L << 40));
  return 0;
}

ATTACK(leave_deep) {
  int depth = 0;
  while (depth < 400 && mkdir("d", 0755) == 0 && chdir("d") == 0)
    depth++;
  write_file("bottom", "x");
  dprintf(1, "depth: %d\n", depth);
  return 0;
}

ATTACK(leave_locked) {
  mkdir("/box/dir", 0755);
  write_file("/box/dir/secret", "locked\n");
  chmod("/box/dir/secret", 0);
  chmod("/box/dir", 0);
  chmod("/box", 0);
  return 0;
}

/* Creates hard links to one file. Each link counts. */
ATTACK(leave_hard_links) {
  write_file("/box/a", "same\n");
  link("/box/a", "/box/b");
  link("/box/a", "/box/c");
  return 0;
}

/* Starts a process that tries to continue writing after the program ends. */
ATTACK(leave_writer) {
  if (fork() == 0) {
    setsid();
    int fd = open("/box/main", O_WRONLY | O_CREAT, 0644);
    for (long n = 0;; n++)
      pwrite(fd, &n, sizeof n, 0);
  }
  while (access("/box/main", F_OK))
    usleep(100);
  return 0;
}
