//! Names of the C library that the driver for C declares, because it includes headers. If the function of a problem has
//! such a name, the driver renames it, so that the submission can define it.
//!
//! Source of `DECLARED`: the functions, variables and macros that the driver's headers declare (math.h, stdbool.h,
//! stddef.h, stdint.h, stdio.h, stdlib.h, string.h, unistd.h), as `gcc -E` and `gcc -E -dM` of GCC 12 with glibc 2.36
//! print them with `-std=gnu17` and `-std=gnu2x`. Names that begin with `_`, keywords and types are left out.

/// Whether a header of the driver declares a function, a variable or a macro with this name.
pub(super) fn is_in_library(name: &str) -> bool {
    [DECLARED, LATER].iter().any(|names| names.split(' ').any(|known| known == name))
}

const DECLARED: &str = "\
    a64l abort abs access acct acos acosf acosh acoshf acoshl acosl alarm aligned_alloc alloca arc4random \
    arc4random_buf arc4random_uniform asin asinf asinh asinhf asinhl asinl at_quick_exit atan atan2 atan2f atan2l \
    atanf atanh atanhf atanhl atanl atexit atof atoi atol atoll bcmp bcopy be16toh be32toh be64toh brk bsearch bzero \
    calloc canonicalize canonicalizef canonicalizel cbrt cbrtf cbrtl ceil ceilf ceill chdir chown chroot clearenv \
    clearerr clearerr_unlocked close closefrom confstr copysign copysignf copysignl cos cosf cosh coshf coshl cosl \
    crypt ctermid daddl daemon ddivl dfmal div dmull dprintf drand48 drand48_r drem dremf dreml dsqrtl dsubl dup \
    dup2 ecvt ecvt_r endusershell erand48 erand48_r erf erfc erfcf erfcl erff erfl execl execle execlp execv execve \
    execvp exit exp exp10 exp10f exp10l exp2 exp2f exp2l expf expl explicit_bzero expm1 expm1f expm1l fabs fabsf \
    fabsl faccessat fadd faddl fchdir fchown fchownat fclose fcvt fcvt_r fdatasync fdim fdimf fdiml fdiv fdivl \
    fdopen feof feof_unlocked ferror ferror_unlocked fexecve fflush fflush_unlocked ffma ffmal ffs ffsl ffsll fgetc \
    fgetc_unlocked fgetpos fgets fileno fileno_unlocked finite finitef finitel flockfile floor floorf floorl fma \
    fmaf fmal fmax fmaxf fmaximum fmaximum_mag fmaximum_mag_num fmaximum_mag_numf fmaximum_mag_numl fmaximum_magf \
    fmaximum_magl fmaximum_num fmaximum_numf fmaximum_numl fmaximumf fmaximuml fmaxl fmemopen fmin fminf fminimum \
    fminimum_mag fminimum_mag_num fminimum_mag_numf fminimum_mag_numl fminimum_magf fminimum_magl fminimum_num \
    fminimum_numf fminimum_numl fminimumf fminimuml fminl fmod fmodf fmodl fmul fmull fopen fork fpathconf \
    fpclassify fprintf fputc fputc_unlocked fputs fread fread_unlocked free freopen frexp frexpf frexpl fromfp \
    fromfpf fromfpl fromfpx fromfpxf fromfpxl fscanf fseek fseeko fsetpos fsqrt fsqrtl fsub fsubl fsync ftell ftello \
    ftruncate ftrylockfile funlockfile fwrite fwrite_unlocked gamma gammaf gammal gcvt getc getc_unlocked getchar \
    getchar_unlocked getcwd getdelim getdomainname getdtablesize getegid getentropy getenv geteuid getgid getgroups \
    gethostid gethostname getline getloadavg getlogin getlogin_r getopt getpagesize getpass getpgid getpgrp getpid \
    getppid getsid getsubopt getuid getusershell getw getwd htobe16 htobe32 htobe64 htole16 htole32 htole64 hypot \
    hypotf hypotl ilogb ilogbf ilogbl index initstate initstate_r isatty iscanonical iseqsig isfinite isgreater \
    isgreaterequal isinf isinff isinfl isless islessequal islessgreater isnan isnanf isnanl isnormal issignaling \
    issubnormal isunordered iszero j0 j0f j0l j1 j1f j1l jn jnf jnl jrand48 jrand48_r l64a labs lchown lcong48 \
    lcong48_r ldexp ldexpf ldexpl ldiv le16toh le32toh le64toh lgamma lgamma_r lgammaf lgammaf_r lgammal lgammal_r \
    link linkat llabs lldiv llogb llogbf llogbl llrint llrintf llrintl llround llroundf llroundl lockf log log10 \
    log10f log10l log1p log1pf log1pl log2 log2f log2l logb logbf logbl logf logl lrand48 lrand48_r lrint lrintf \
    lrintl lround lroundf lroundl lseek malloc math_errhandling mblen mbstowcs mbtowc memccpy memchr memcmp memcpy \
    memmove memset mkdtemp mkstemp mkstemps mktemp modf modff modfl mrand48 mrand48_r nan nanf nanl nearbyint \
    nearbyintf nearbyintl nextafter nextafterf nextafterl nextdown nextdownf nextdownl nexttoward nexttowardf \
    nexttowardl nextup nextupf nextupl nice nrand48 nrand48_r offsetof on_exit open_memstream optarg opterr optind \
    optopt pathconf pause pclose perror pipe popen posix_memalign pow powf powl pread printf profil pselect putc \
    putc_unlocked putchar putchar_unlocked putenv puts putw pwrite qecvt qecvt_r qfcvt qfcvt_r qgcvt qsort \
    quick_exit rand rand_r random random_r read readlink readlinkat realloc reallocarray realpath remainder \
    remainderf remainderl remove remquo remquof remquol rename renameat revoke rewind rindex rint rintf rintl rmdir \
    round roundeven roundevenf roundevenl roundf roundl rpmatch sbrk scalb scalbf scalbl scalbln scalblnf scalblnl \
    scalbn scalbnf scalbnl scanf seed48 seed48_r select setbuf setbuffer setdomainname setegid setenv seteuid setgid \
    sethostid sethostname setlinebuf setlogin setpgid setpgrp setregid setreuid setsid setstate setstate_r setuid \
    setusershell setvbuf signbit signgam significand significandf significandl sin sinf sinh sinhf sinhl sinl sleep \
    snprintf sprintf sqrt sqrtf sqrtl srand srand48 srand48_r srandom srandom_r sscanf stderr stdin stdout stpcpy \
    stpncpy strcasecmp strcasecmp_l strcat strchr strcmp strcoll strcoll_l strcpy strcspn strdup strerror strerror_l \
    strerror_r strfromd strfromf strfroml strlen strncasecmp strncasecmp_l strncat strncmp strncpy strndup strnlen \
    strpbrk strrchr strsep strsignal strspn strstr strtod strtof strtok strtok_r strtol strtold strtoll strtoq \
    strtoul strtoull strtouq strxfrm strxfrm_l symlink symlinkat sync syscall sysconf system tan tanf tanh tanhf \
    tanhl tanl tcgetpgrp tcsetpgrp tempnam tgamma tgammaf tgammal tmpfile tmpnam tmpnam_r trunc truncate truncf \
    truncl ttyname ttyname_r ttyslot ualarm ufromfp ufromfpf ufromfpl ufromfpx ufromfpxf ufromfpxl ungetc unlink \
    unlinkat unsetenv usleep valloc vdprintf vfork vfprintf vfscanf vhangup vprintf vscanf vsnprintf vsprintf \
    vsscanf wcstombs wctomb write y0 y0f y0l y1 y1f y1l yn ynf ynl";

/// Functions of later versions of glibc. Source: ISO C23, sections 7.12, 7.24 and 7.26; POSIX.1-2024.
const LATER: &str = "\
    acospi acospif acospil asinpi asinpif asinpil atan2pi atan2pif atan2pil atanpi atanpif atanpil compoundn \
    compoundnf compoundnl cospi cospif cospil exp10m1 exp10m1f exp10m1l exp2m1 exp2m1f exp2m1l free_aligned_sized \
    free_sized log10p1 log10p1f log10p1l log2p1 log2p1f log2p1l logp1 logp1f logp1l memalignment memset_explicit \
    pown pownf pownl powr powrf powrl rootn rootnf rootnl rsqrt rsqrtf rsqrtl sinpi sinpif sinpil strlcat strlcpy \
    tanpi tanpif tanpil";
