//! CPython inside our own process: the system's shared library, its C interface by name, nothing of it compiled in.
//!
//! Only what a warm parent and its children need (see [`warm`](crate::warm)). All of it happens in processes with one
//! thread, which holds the interpreter's lock from initialisation to the end; that is what makes these calls sound.
//! References are never given back: what is not the program's own lives as long as its process.
//!
//! Source: docs.python.org, "Python/C API Reference Manual": Initialization, The Very High Level Layer, Exception
//! Handling. Structures stay opaque; a version that lacks a symbol is refused, not guessed at.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::io;
use std::ptr::{null, null_mut};

type Ref = *mut c_void;

/// `PyStatus`, returned by value.
#[repr(C)]
#[derive(Clone, Copy)]
struct Status {
    kind: c_int,
    function: *const c_char,
    message: *const c_char,
    exitcode: c_int,
}

/// `PyCompilerFlags`.
#[repr(C)]
struct CompilerFlags {
    flags: c_int,
    feature_version: c_int,
}

/// `PyConfig` has had fewer than 600 bytes in every version; it is initialised by the library and only passed on.
#[repr(C, align(16))]
struct Config([u8; 16 * 1024]);

/// `Py_file_input` of compile.h.
const FILE_INPUT: c_int = 257;

macro_rules! api {
    ($($name:ident: $kind:ty;)*) => {
        /// The functions and objects of the library that are used, by their names in C.
        #[expect(non_snake_case, reason = "the names of the C interface")]
        struct Api { $($name: $kind),* }

        impl Api {
            fn load(library: *mut c_void) -> Result<Api, String> {
                Ok(Api { $($name: {
                    let address = symbol(library, concat!(stringify!($name), "\0"))?;
                    // SAFETY: the symbol has this type in the library's documented interface; pointers to functions
                    // and to objects have the size of the pointer found.
                    unsafe { std::mem::transmute_copy::<*mut c_void, $kind>(&address) }
                }),* })
            }
        }
    };
}

api! {
    Py_GetVersion: unsafe extern "C" fn() -> *const c_char;
    PyConfig_InitPythonConfig: unsafe extern "C" fn(*mut Config);
    PyConfig_SetBytesArgv: unsafe extern "C" fn(*mut Config, isize, *const *const c_char) -> Status;
    PyConfig_Clear: unsafe extern "C" fn(*mut Config);
    PyStatus_Exception: unsafe extern "C" fn(Status) -> c_int;
    Py_InitializeFromConfig: unsafe extern "C" fn(*const Config) -> Status;
    Py_FinalizeEx: unsafe extern "C" fn() -> c_int;
    PyOS_BeforeFork: unsafe extern "C" fn();
    PyOS_AfterFork_Child: unsafe extern "C" fn();
    PyRun_StringFlags: unsafe extern "C" fn(*const c_char, c_int, Ref, Ref, *mut CompilerFlags) -> Ref;
    PyRun_FileExFlags:
        unsafe extern "C" fn(*mut libc::FILE, *const c_char, c_int, Ref, Ref, c_int, *mut CompilerFlags) -> Ref;
    Py_MakePendingCalls: unsafe extern "C" fn() -> c_int;
    PyDict_Copy: unsafe extern "C" fn(Ref) -> Ref;
    PyDict_Clear: unsafe extern "C" fn(Ref);
    PyDict_New: unsafe extern "C" fn() -> Ref;
    PyDict_GetItemString: unsafe extern "C" fn(Ref, *const c_char) -> Ref;
    PyDict_SetItemString: unsafe extern "C" fn(Ref, *const c_char, Ref) -> c_int;
    PyDict_DelItemString: unsafe extern "C" fn(Ref, *const c_char) -> c_int;
    PyEval_GetBuiltins: unsafe extern "C" fn() -> Ref;
    PyImport_AddModule: unsafe extern "C" fn(*const c_char) -> Ref;
    PyImport_GetImporter: unsafe extern "C" fn(Ref) -> Ref;
    PyModule_GetDict: unsafe extern "C" fn(Ref) -> Ref;
    PySys_GetObject: unsafe extern "C" fn(*const c_char) -> Ref;
    PyObject_CallObject: unsafe extern "C" fn(Ref, Ref) -> Ref;
    PyObject_CallMethod: unsafe extern "C" fn(Ref, *const c_char, *const c_char, ...) -> Ref;
    PyObject_GetAttrString: unsafe extern "C" fn(Ref, *const c_char) -> Ref;
    PyObject_Malloc: unsafe extern "C" fn(usize) -> *mut c_void;
    PyObject_Free: unsafe extern "C" fn(*mut c_void);
    PyObject_IsTrue: unsafe extern "C" fn(Ref) -> c_int;
    PyObject_Type: unsafe extern "C" fn(Ref) -> Ref;
    PyTuple_New: unsafe extern "C" fn(isize) -> Ref;
    PyTuple_SetItem: unsafe extern "C" fn(Ref, isize, Ref) -> c_int;
    PyList_New: unsafe extern "C" fn(isize) -> Ref;
    PyList_Append: unsafe extern "C" fn(Ref, Ref) -> c_int;
    PyUnicode_DecodeFSDefaultAndSize: unsafe extern "C" fn(*const c_char, isize) -> Ref;
    PyUnicode_AsUTF8AndSize: unsafe extern "C" fn(Ref, *mut isize) -> *const c_char;
    PyBytes_FromStringAndSize: unsafe extern "C" fn(*const c_char, isize) -> Ref;
    PyLong_AsLong: unsafe extern "C" fn(Ref) -> c_long;
    PyErr_Occurred: unsafe extern "C" fn() -> Ref;
    PyErr_Fetch: unsafe extern "C" fn(*mut Ref, *mut Ref, *mut Ref);
    PyErr_Restore: unsafe extern "C" fn(Ref, Ref, Ref);
    PyErr_Clear: unsafe extern "C" fn();
    PyErr_Print: unsafe extern "C" fn();
    Py_IncRef: unsafe extern "C" fn(Ref);
    Py_DecRef: unsafe extern "C" fn(Ref);
    // Objects: an exception is a pointer to its type, the rest are the objects themselves.
    PyExc_SystemExit: *const Ref;
    PyExc_KeyboardInterrupt: *const Ref;
    PyLong_Type: Ref;
    _Py_NoneStruct: Ref;
}

/// The library, loaded and not initialised.
pub(crate) struct Library(Api);

impl Library {
    /// Loads the first of these that there is: names, found where the system keeps libraries, or paths.
    pub(crate) fn open(names: &[CString]) -> Result<Library, String> {
        let mut told = "no name was given".to_owned();
        for name in names {
            // Extension modules look for the library's symbols among the global ones.
            // SAFETY: runs the library's constructors, which are those of the toolchain that is offered to tenants.
            let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
            if !handle.is_null() {
                return Api::load(handle).map(Library);
            }
            told = loader_error();
        }
        Err(told)
    }

    /// What `sys.version` will be.
    pub(crate) fn version(&self) -> String {
        // SAFETY: may be called before initialisation; returns a constant string.
        unsafe { CStr::from_ptr((self.0.Py_GetVersion)()) }.to_string_lossy().into_owned()
    }

    /// Initialises the interpreter as `argv` and the environment say, like the executable's `main` does. Descriptors
    /// 0 to 2 become its standard streams. Only in a process with one thread, which from here on is the interpreter's.
    pub(crate) fn initialize(self, argv: &[CString]) -> Result<Interpreter, String> {
        let api = self.0;
        let mut config = Box::new(Config([0; 16 * 1024]));
        let pointers: Vec<*const c_char> = argv.iter().map(|a| a.as_ptr()).collect();
        let check = |status: Status| {
            // SAFETY: takes the structure by value.
            if unsafe { (api.PyStatus_Exception)(status) } == 0 {
                return Ok(());
            }
            let message = match status.message.is_null() {
                true => "it wants to exit".to_owned(),
                // SAFETY: a status that tells of a failure has a constant message.
                false => unsafe { CStr::from_ptr(status.message) }.to_string_lossy().into_owned(),
            };
            Err(message)
        };
        // SAFETY: the buffer is larger than and aligned for any PyConfig, zeroed, and outlives the calls; `pointers`
        // holds as many strings as are told, which are copied.
        unsafe {
            (api.PyConfig_InitPythonConfig)(&raw mut *config);
            check((api.PyConfig_SetBytesArgv)(&raw mut *config, pointers.len() as isize, pointers.as_ptr()))?;
            check((api.Py_InitializeFromConfig)(&raw const *config))?;
            (api.PyConfig_Clear)(&raw mut *config);
        }
        Ok(Interpreter { api })
    }
}

/// An object of the interpreter's, held for ever.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object(Ref);

/// How a program's file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileEnd {
    /// At its end, or by an exception that has been told, with this exit status.
    Status(i32),
    /// By `SystemExit` with this plain status; as with the executable, the module is then left as it is.
    Exit(i32),
    /// By `KeyboardInterrupt`, which has been told: the process is to die of SIGINT.
    Interrupted,
}

/// The initialised interpreter of this process.
pub(crate) struct Interpreter {
    api: Api,
}

impl Interpreter {
    /// Runs `source` in a namespace of its own, of which nobody else learns. Returns the namespace.
    pub(crate) fn run_apart(&self, source: &CStr) -> Result<Object, String> {
        // SAFETY: the lock is held (module header); a namespace needs `__builtins__` to be run in; the string ends in NUL.
        unsafe {
            let namespace = (self.api.PyDict_New)();
            // A copy: a program may replace what is built in.
            let builtins = (self.api.PyDict_Copy)((self.api.PyEval_GetBuiltins)());
            (self.api.PyDict_SetItemString)(namespace, c"__builtins__".as_ptr(), builtins);
            let result = (self.api.PyRun_StringFlags)(source.as_ptr(), FILE_INPUT, namespace, namespace, null_mut());
            if result.is_null() { Err(self.take_error()) } else { Ok(Object(namespace)) }
        }
    }

    /// What a namespace calls `name`.
    pub(crate) fn get(&self, namespace: Object, name: &CStr) -> Result<Object, String> {
        // SAFETY: `namespace` is a dictionary (see `run_apart`), which keeps what it lends.
        let found = unsafe { (self.api.PyDict_GetItemString)(namespace.0, name.as_ptr()) };
        if found.is_null() { Err(format!("{} is not defined", name.to_string_lossy())) } else { Ok(Object(found)) }
    }

    /// Calls a function.
    pub(crate) fn call(&self, function: Object, arguments: &[Object]) -> Result<Object, String> {
        // SAFETY: a tuple of as many places as are filled, which takes over one reference of each.
        unsafe {
            let tuple = (self.api.PyTuple_New)(arguments.len() as isize);
            for (at, argument) in arguments.iter().enumerate() {
                (self.api.Py_IncRef)(argument.0);
                (self.api.PyTuple_SetItem)(tuple, at as isize, argument.0);
            }
            let result = (self.api.PyObject_CallObject)(function.0, tuple);
            if result.is_null() { Err(self.take_error()) } else { Ok(Object(result)) }
        }
    }

    /// Whether `object` counts as true.
    pub(crate) fn is_true(&self, object: Object) -> bool {
        // SAFETY: the object is alive, since references are held for ever.
        unsafe { (self.api.PyObject_IsTrue)(object.0) == 1 }
    }

    /// A `str`, decoded as the interpreter decodes file names and arguments.
    pub(crate) fn text(&self, text: &[u8]) -> Result<Object, String> {
        // SAFETY: the bytes are valid for their length and are copied.
        let made = unsafe { (self.api.PyUnicode_DecodeFSDefaultAndSize)(text.as_ptr().cast(), text.len() as isize) };
        self.made(made)
    }

    /// A `bytes`.
    pub(crate) fn bytes(&self, data: &[u8]) -> Result<Object, String> {
        // SAFETY: as in `text`.
        let made = unsafe { (self.api.PyBytes_FromStringAndSize)(data.as_ptr().cast(), data.len() as isize) };
        self.made(made)
    }

    /// A `list`.
    pub(crate) fn list(&self, items: impl IntoIterator<Item = Result<Object, String>>) -> Result<Object, String> {
        // SAFETY: an empty list, to which live objects are appended.
        let list = self.made(unsafe { (self.api.PyList_New)(0) })?;
        for item in items {
            // SAFETY: see above.
            unsafe { (self.api.PyList_Append)(list.0, item?.0) };
        }
        Ok(list)
    }

    /// `None`.
    pub(crate) fn none(&self) -> Object {
        Object(self.api._Py_NoneStruct)
    }

    /// The text of a `str`.
    pub(crate) fn read_text(&self, text: Object) -> Result<String, String> {
        let mut length = 0isize;
        // SAFETY: fails with an exception on anything but a `str`; the bytes belong to the live object.
        unsafe {
            let data = (self.api.PyUnicode_AsUTF8AndSize)(text.0, &raw mut length);
            if data.is_null() {
                return Err(self.take_error());
            }
            let bytes = std::slice::from_raw_parts(data.cast::<u8>(), usize::try_from(length).unwrap_or(0));
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
    }

    /// In the child of a fork: locks anew, state of threads anew, and the hooks of modules (`random` seeds itself).
    pub(crate) fn after_fork(&self) {
        // SAFETY: this is the only thread of the new process; the first call is the half of the pair that could as
        // well have been made before the fork.
        unsafe {
            (self.api.PyOS_BeforeFork)();
            (self.api.PyOS_AfterFork_Child)();
        }
    }

    /// Whether `path` is something to import from (a directory, an archive) and not a plain file.
    pub(crate) fn is_importable(&self, path: Object) -> bool {
        // SAFETY: the object is alive; an exception is cleared.
        unsafe {
            let importer = (self.api.PyImport_GetImporter)(path.0);
            if importer.is_null() {
                (self.api.PyErr_Clear)();
            }
            importer != self.api._Py_NoneStruct
        }
    }

    /// Runs the file at `path` as the main program, as `python3 path` does: the same frames, the same report of an
    /// exception. `feature_version` is the minor version.
    pub(crate) fn run_main_file(&self, path: &CStr, feature_version: i32) -> io::Result<FileEnd> {
        let api = &self.api;
        // SAFETY: two strings that end in NUL.
        let file = unsafe { libc::fopen(path.as_ptr(), c"rb".as_ptr()) };
        if file.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the lock is held; `__main__` and its dictionary live as long as the interpreter; the file is closed by
        // the call, once; an exception is pending when and only when the result is null.
        unsafe {
            let namespace = (api.PyModule_GetDict)((api.PyImport_AddModule)(c"__main__".as_ptr()));
            let mut flags = CompilerFlags { flags: 0, feature_version };
            let result = if (api.Py_MakePendingCalls)() == 0 {
                (api.PyRun_FileExFlags)(file, path.as_ptr(), FILE_INPUT, namespace, namespace, 1, &raw mut flags)
            } else {
                null_mut()
            };
            let raised = (api.PyErr_Occurred)();
            let interrupted = raised == *api.PyExc_KeyboardInterrupt;
            self.flush();
            let mut end = FileEnd::Status(0);
            if !result.is_null() {
                (api.Py_DecRef)(result);
            } else if let Some(status) = self.plain_exit() {
                return Ok(FileEnd::Exit(status));
            } else {
                // Does not come back from a SystemExit that is not plain: then the process has ended as it should.
                (api.PyErr_Print)();
                end = if interrupted { FileEnd::Interrupted } else { FileEnd::Status(1) };
            }
            for name in [c"__file__", c"__cached__"] {
                if (api.PyDict_DelItemString)(namespace, name.as_ptr()) != 0 {
                    (api.PyErr_Clear)();
                }
            }
            Ok(end)
        }
    }

    /// Takes the pending `SystemExit` when all it asks for is an exit status; leaves anything else pending.
    ///
    /// # Safety
    /// The lock is held and an exception is pending.
    unsafe fn plain_exit(&self) -> Option<i32> {
        let api = &self.api;
        // SAFETY: see above; what is fetched is either restored or cleared.
        unsafe {
            if (api.PyErr_Occurred)() != *api.PyExc_SystemExit {
                return None;
            }
            let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
            (api.PyErr_Fetch)(&raw mut kind, &raw mut value, &raw mut traceback);
            // Not made into an exception object yet: then it is the status itself.
            let is_object = !value.is_null() && (api.PyObject_Type)(value) == *api.PyExc_SystemExit;
            let code = if is_object { (api.PyObject_GetAttrString)(value, c"code".as_ptr()) } else { value };
            let status = if code == api._Py_NoneStruct || (code.is_null() && !is_object) {
                Some(0)
            } else if !code.is_null() && (api.PyObject_Type)(code) == api.PyLong_Type {
                // Out of range is -1 with an exception, as it is for the executable.
                let status = (api.PyLong_AsLong)(code) as i32;
                (api.PyErr_Clear)();
                Some(status)
            } else {
                None
            };
            (api.PyErr_Restore)(kind, value, traceback);
            if status.is_some() {
                (api.PyErr_Clear)();
            }
            status
        }
    }

    /// Flushes standard error and output, as is done between a program and the report of its exception.
    ///
    /// # Safety
    /// The lock is held; a pending exception stays pending.
    unsafe fn flush(&self) {
        let api = &self.api;
        // SAFETY: see above; what `sys` lends is held across the call.
        unsafe {
            let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
            (api.PyErr_Fetch)(&raw mut kind, &raw mut value, &raw mut traceback);
            for name in [c"stderr", c"stdout"] {
                let stream = (api.PySys_GetObject)(name.as_ptr());
                if !stream.is_null() {
                    (api.Py_IncRef)(stream);
                    let flushed = (api.PyObject_CallMethod)(stream, c"flush".as_ptr(), null());
                    if flushed.is_null() {
                        (api.PyErr_Clear)()
                    } else {
                        (api.Py_DecRef)(flushed)
                    }
                    (api.Py_DecRef)(stream);
                }
            }
            (api.PyErr_Restore)(kind, value, traceback);
        }
    }

    /// Runs what has to be run before a process may end without `finalize`, from no frame at all.
    pub(crate) fn call_and_ignore(&self, function: Object) {
        // SAFETY: a call without arguments.
        unsafe {
            if (self.api.PyObject_CallObject)(function.0, null_mut()).is_null() {
                (self.api.PyErr_Clear)();
            }
        }
    }

    /// Empties a `dict`.
    pub(crate) fn clear(&self, dictionary: Object) {
        // SAFETY: does nothing to anything but a dictionary.
        unsafe { (self.api.PyDict_Clear)(dictionary.0) }
    }

    /// Joins threads, runs the exit functions, and takes everything apart. Returns whether output was lost in it.
    pub(crate) fn finalize(&self) -> bool {
        // SAFETY: the interpreter is not used afterwards: callers end the process.
        unsafe { (self.api.Py_FinalizeEx)() < 0 }
    }

    fn made(&self, made: Ref) -> Result<Object, String> {
        if made.is_null() { Err(self.take_error()) } else { Ok(Object(made)) }
    }

    /// The pending exception as text, for our own failures.
    fn take_error(&self) -> String {
        // SAFETY: fetched, not restored; the fall-backs are chosen where the exception cannot be told.
        unsafe {
            let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
            (self.api.PyErr_Fetch)(&raw mut kind, &raw mut value, &raw mut traceback);
            if value.is_null() {
                return "an exception without a value".to_owned();
            }
            let shown = (self.api.PyObject_CallMethod)(value, c"__str__".as_ptr(), null());
            if shown.is_null() {
                (self.api.PyErr_Clear)();
                return "an exception that cannot be shown".to_owned();
            }
            self.read_text(Object(shown)).unwrap_or_else(|other| other)
        }
    }
}

/// Replaces the environment of this process, which must have one thread. The first of two with one name counts.
pub(crate) fn replace_environment<'a>(variables: impl IntoIterator<Item = (&'a CStr, &'a CStr)>) {
    // SAFETY: nobody else reads the environment meanwhile; the strings are copied.
    unsafe {
        libc::clearenv();
        for (name, value) in variables {
            libc::setenv(name.as_ptr(), value.as_ptr(), 0);
        }
    }
}

/// Makes `bytes` the stack size of new threads, as it would be had the process been started with that limit.
pub(crate) fn set_thread_stack_size(bytes: usize) {
    type SetDefault = unsafe extern "C" fn(*const libc::pthread_attr_t) -> c_int;
    let Ok(address) = symbol(libc::RTLD_DEFAULT, "pthread_setattr_default_np\0") else { return };
    // SAFETY: the function's type in pthread.h of the GNU library, which alone has it.
    let set_default = unsafe { std::mem::transmute::<*mut c_void, SetDefault>(address) };
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: initialised by the first call before anything reads it; a refused size leaves the default.
    unsafe {
        libc::pthread_attr_init(attributes.as_mut_ptr());
        if libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), bytes) == 0 {
            set_default(attributes.as_ptr());
        }
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
}

/// Tells the kernel of the C library's restartable sequences again, as the library does when a program starts: a copy of a
/// process that shared another's memory (`CLONE_VM`) has none. Source: rseq(2); the GNU C library's manual, `__rseq_size`.
#[cfg(target_arch = "x86_64")]
pub(crate) fn register_restartable_sequences() {
    const SIGNATURE: u32 = 0x5305_3053;
    const BYTES: u32 = 32;
    let both = (symbol(libc::RTLD_DEFAULT, "__rseq_offset\0"), symbol(libc::RTLD_DEFAULT, "__rseq_size\0"));
    let (Ok(offset), Ok(size)) = both else { return };
    // SAFETY: constants of the C library's, of these types, for as long as it is loaded.
    let (offset, size) = unsafe { (offset.cast::<isize>().read(), size.cast::<u32>().read()) };
    if size == 0 {
        return;
    }
    let thread: usize;
    // SAFETY: reads the thread's own pointer to itself, which the ABI has at this place.
    unsafe { std::arch::asm!("mov {}, fs:0", out(reg) thread, options(nostack, readonly, preserves_flags)) };
    // SAFETY: the area is the library's, for this thread, and as long as it; the kernel refuses one that is registered.
    unsafe { libc::syscall(libc::SYS_rseq, thread.wrapping_add_signed(offset), BYTES, 0, SIGNATURE) };
}

/// On other processors a zygote's children are plain copies, which keep them.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn register_restartable_sequences() {}

/// `struct prctl_mm_map` of linux/prctl.h.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct MemoryMap {
    start_code: u64,
    end_code: u64,
    start_data: u64,
    end_data: u64,
    start_brk: u64,
    brk: u64,
    start_stack: u64,
    arg_start: u64,
    arg_end: u64,
    env_start: u64,
    env_end: u64,
    auxv: u64,
    auxv_size: u32,
    exe_fd: u32,
}

/// Where `/proc` finds the command line and the environment of this process and its copies.
pub(crate) struct ShownArguments(MemoryMap);

impl ShownArguments {
    /// Reads where everything lies now. Source: proc_pid_stat(5), fields 26 to 28 and 45 to 47.
    pub(crate) fn of_this_process() -> Option<ShownArguments> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name in the second field may contain anything.
        let fields: Vec<u64> = stat.rsplit_once(") ")?.1.split(' ').map(|n| n.trim().parse().unwrap_or(0)).collect();
        let field = |number: usize| fields.get(number - 3).copied().filter(|n| *n != 0);
        Some(ShownArguments(MemoryMap {
            start_code: field(26)?,
            end_code: field(27)?,
            start_stack: field(28)?,
            start_data: field(45)?,
            end_data: field(46)?,
            start_brk: field(47)?,
            exe_fd: u32::MAX,
            ..MemoryMap::default()
        }))
    }

    /// Shows these from now on, as after an exec; where the kernel does not let a process do so, the old ones are seen.
    pub(crate) fn replace<'a>(&self, argv: impl Iterator<Item = &'a CStr>, env: impl Iterator<Item = &'a CStr>) {
        const SET_MM_MAP: c_int = 14;
        let mut text: Vec<u8> = argv.flat_map(CStr::to_bytes_with_nul).copied().collect();
        let boundary = text.len() as u64;
        text.extend(env.flat_map(CStr::to_bytes_with_nul));
        // Belongs to the process for as long as it lives.
        let text = text.leak();
        let start = text.as_ptr() as u64;
        // SAFETY: asks for the present end of the heap and changes nothing.
        let brk = unsafe { libc::sbrk(0) } as u64;
        let map = MemoryMap {
            brk,
            arg_start: start,
            arg_end: start + boundary,
            env_start: start + boundary,
            env_end: start + text.len() as u64,
            ..self.0
        };
        // SAFETY: the kernel checks and copies the structure, which outlives the call; the program's own memory is
        // where it was.
        unsafe { libc::prctl(libc::PR_SET_MM, SET_MM_MAP, &raw const map, size_of::<MemoryMap>(), 0) };
    }
}

/// Gives back what the C library's heap keeps and does not need.
pub(crate) fn trim_heap() {
    // SAFETY: has no preconditions.
    unsafe { libc::malloc_trim(0) };
}

/// Uses up the free places that lie scattered in the heaps of the C library and of the interpreter: what a program gets from
/// then on lies together. In a copy of this process each place in another page would cost a copy of that.
pub(crate) fn use_up_free_places(interpreter: &Interpreter) {
    // Sizes of which the C library keeps freed blocks in lists of their own, largest first: a smaller one is cut out of a
    // larger. Blocks that lie one behind the other come out of a place with room.
    for size in (1..=64usize).rev().map(|n| n * 16 + 8) {
        let (mut before, mut in_a_row) = (0, 0);
        for _ in 0..4096 {
            // SAFETY: has no preconditions; the block is given up, and stays.
            let block = unsafe { libc::malloc(size) } as usize;
            in_a_row = if block == before + size + 8 { in_a_row + 1 } else { 0 };
            before = block;
            if in_a_row == 3 {
                break;
            }
        }
    }
    // Sizes for which the interpreter cuts up pools, each for one size; the first block of a pool follows its header.
    // Source: CPython's Objects/obmalloc.c, `POOL_SIZE`, `POOL_OVERHEAD`.
    for size in (1..=32usize).map(|n| n * 16) {
        for _ in 0..4096 {
            // SAFETY: the lock is held (module header); the block is given up, unless it is the first of its pool.
            let block = unsafe { (interpreter.api.PyObject_Malloc)(size) };
            if block as usize % (16 * 1024) == 48 {
                // SAFETY: it was allocated above, and nobody knows of it.
                unsafe { (interpreter.api.PyObject_Free)(block) };
                break;
            }
        }
    }
}

/// Ends the process as `main` does by returning: exit functions of libraries, buffers of C.
pub(crate) fn exit_like_main(status: i32) -> ! {
    // SAFETY: one thread, and nothing of ours registers an exit function.
    unsafe { libc::exit(status) }
}

/// Dies of SIGINT, as the executable does after an unhandled interrupt.
pub(crate) fn die_of_interrupt() -> ! {
    // SAFETY: the default action needs no handler; the signal is for this process alone.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        libc::kill(libc::getpid(), libc::SIGINT);
    }
    exit_like_main(libc::SIGINT + 128)
}

fn symbol(library: *mut c_void, name: &'static str) -> Result<*mut c_void, String> {
    // SAFETY: `name` ends in NUL (all callers' literals do); the handle is a live one or RTLD_DEFAULT.
    let address = unsafe { libc::dlsym(library, name.as_ptr().cast()) };
    if address.is_null() { Err(format!("there is no {}", name.trim_end_matches('\0'))) } else { Ok(address) }
}

fn loader_error() -> String {
    // SAFETY: returns null or a string that lives until the next call.
    unsafe {
        let told = libc::dlerror();
        if told.is_null() { "unknown".to_owned() } else { CStr::from_ptr(told).to_string_lossy().into_owned() }
    }
}
