//! CPython inside this process: loads the system's shared library, and calls its C interface by symbol names.
//!
//! Contains only what a warm parent and its children need (see [`warm`](crate::warm)). All calls are made by the
//! process's first thread while it holds the interpreter's lock; this makes the calls sound. Until the program's first
//! line runs, the process has no other thread. References are never released: objects that do not belong to the program
//! live as long as the process.
//!
//! Source: docs.python.org, "Python/C API Reference Manual": Initialization, The Very High Level Layer, Exception
//! Handling. Structures stay opaque; a library version that lacks a symbol is refused.

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

/// Storage for a `PyConfig`, which has fewer than 600 bytes in every version. The library initialises it; this code
/// only passes it on.
#[repr(C, align(16))]
struct Config([u8; 16 * 1024]);

/// `Py_file_input` of compile.h.
const FILE_INPUT: c_int = 257;

macro_rules! api {
    ($($name:ident: $kind:ty;)*) => {
        /// The library's functions and objects that are used, by their C names.
        #[expect(non_snake_case, reason = "the names of the C interface")]
        struct Api { $($name: $kind),* }

        impl Api {
            fn load(library: *mut c_void) -> Result<Api, String> {
                Ok(Api { $($name: {
                    let address = symbol(library, concat!(stringify!($name), "\0"))?;
                    // SAFETY: the symbol has this type in the library's documented interface; pointers to functions
                    // and to objects have the same size as `address`.
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
    // Objects: the symbol of an exception is a pointer to its type, the other symbols are the objects themselves.
    PyExc_SystemExit: *const Ref;
    PyExc_KeyboardInterrupt: *const Ref;
    PyLong_Type: Ref;
    _Py_NoneStruct: Ref;
}

/// The loaded library, not yet initialised.
pub(crate) struct Library(Api);

impl Library {
    /// Loads the first of these libraries that exists. Each is a path, or a name that the system's loader looks up.
    pub(crate) fn open(names: &[CString]) -> Result<Library, String> {
        let mut error = "no library name was given".to_owned();
        for name in names {
            // RTLD_GLOBAL is needed, because extension modules look up the library's symbols among the global ones.
            // SAFETY: runs the library's constructors, which belong to the toolchain that is offered to tenants.
            let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
            if !handle.is_null() {
                return Api::load(handle).map(Library);
            }
            error = loader_error();
        }
        Err(error)
    }

    /// The future value of `sys.version`.
    pub(crate) fn version(&self) -> String {
        // SAFETY: may be called before initialisation; returns a constant string.
        unsafe { CStr::from_ptr((self.0.Py_GetVersion)()) }.to_string_lossy().into_owned()
    }

    /// Initialises the interpreter according to `argv` and the environment, as the executable's `main` does.
    /// Descriptors 0 to 2 become its standard streams. The process must have one thread, which must make all later
    /// calls.
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
                true => "the interpreter requested to exit".to_owned(),
                // SAFETY: the message of an error status is a constant C string.
                false => unsafe { CStr::from_ptr(status.message) }.to_string_lossy().into_owned(),
            };
            Err(message)
        };
        // SAFETY: the buffer is larger than any PyConfig, aligned for it, zeroed, and outlives the calls. The length
        // passed is that of `pointers`, and the library copies the strings.
        unsafe {
            (api.PyConfig_InitPythonConfig)(&raw mut *config);
            check((api.PyConfig_SetBytesArgv)(&raw mut *config, pointers.len() as isize, pointers.as_ptr()))?;
            check((api.Py_InitializeFromConfig)(&raw const *config))?;
            (api.PyConfig_Clear)(&raw mut *config);
        }
        Ok(Interpreter { api })
    }
}

/// An object of the interpreter, whose reference is never released.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object(Ref);

/// How the main program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileEnd {
    /// The program ran to its end, or raised an exception that has been printed. Contains the exit status.
    Status(i32),
    /// The program raised `SystemExit` with this integer status. As with the executable, `__main__` is then not
    /// changed.
    Exit(i32),
    /// The program raised `KeyboardInterrupt`, which has been printed. The process must die of SIGINT.
    Interrupted,
}

/// The initialised interpreter of this process.
pub(crate) struct Interpreter {
    api: Api,
}

impl Interpreter {
    /// Runs `source` in a new private namespace, and returns the namespace.
    pub(crate) fn run_apart(&self, source: &CStr) -> Result<Object, String> {
        // SAFETY: the lock is held (module header); the namespace contains `__builtins__`, which running code requires;
        // the string ends in NUL.
        unsafe {
            let namespace = (self.api.PyDict_New)();
            // A copy, because a program may replace built-in functions.
            let builtins = (self.api.PyDict_Copy)((self.api.PyEval_GetBuiltins)());
            (self.api.PyDict_SetItemString)(namespace, c"__builtins__".as_ptr(), builtins);
            let result = (self.api.PyRun_StringFlags)(source.as_ptr(), FILE_INPUT, namespace, namespace, null_mut());
            if result.is_null() { Err(self.take_error()) } else { Ok(Object(namespace)) }
        }
    }

    /// The object called `name` in a namespace.
    pub(crate) fn get(&self, namespace: Object, name: &CStr) -> Result<Object, String> {
        // SAFETY: `namespace` is a dictionary (see `run_apart`), which keeps the object of the borrowed reference
        // alive.
        let found = unsafe { (self.api.PyDict_GetItemString)(namespace.0, name.as_ptr()) };
        if found.is_null() { Err(format!("{} is not defined", name.to_string_lossy())) } else { Ok(Object(found)) }
    }

    /// Calls a function.
    pub(crate) fn call(&self, function: Object, arguments: &[Object]) -> Result<Object, String> {
        // SAFETY: every place of the tuple is filled; the tuple takes over one reference to each argument.
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

    /// The truth value of `object`.
    pub(crate) fn is_true(&self, object: Object) -> bool {
        // SAFETY: the object is alive, since references are never released.
        unsafe { (self.api.PyObject_IsTrue)(object.0) == 1 }
    }

    /// Creates a `str`, decoded as the interpreter decodes file names and arguments.
    pub(crate) fn text(&self, text: &[u8]) -> Result<Object, String> {
        // SAFETY: the bytes are valid for their length and are copied.
        let made = unsafe { (self.api.PyUnicode_DecodeFSDefaultAndSize)(text.as_ptr().cast(), text.len() as isize) };
        self.made(made)
    }

    /// Creates a `bytes`.
    pub(crate) fn bytes(&self, data: &[u8]) -> Result<Object, String> {
        // SAFETY: as in `text`.
        let made = unsafe { (self.api.PyBytes_FromStringAndSize)(data.as_ptr().cast(), data.len() as isize) };
        self.made(made)
    }

    /// Creates a `list`.
    pub(crate) fn list(&self, items: impl IntoIterator<Item = Result<Object, String>>) -> Result<Object, String> {
        // SAFETY: the lock is held (module header); the list is created empty.
        let list = self.made(unsafe { (self.api.PyList_New)(0) })?;
        for item in items {
            // SAFETY: the list and the item are alive, since references are never released.
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

    /// Resets locks and thread state in the child of a fork, and runs the modules' hooks (`random` reseeds itself).
    pub(crate) fn after_fork(&self) {
        // SAFETY: this is the only thread of the new process. The first call is intended for the time before the fork,
        // and has the same effect after it.
        unsafe {
            (self.api.PyOS_BeforeFork)();
            (self.api.PyOS_AfterFork_Child)();
        }
    }

    /// Whether the interpreter can import modules from `path`: from a directory or an archive, but not from a plain
    /// file.
    pub(crate) fn is_importable(&self, path: Object) -> bool {
        // SAFETY: the object is alive; a pending exception is cleared.
        unsafe {
            let importer = (self.api.PyImport_GetImporter)(path.0);
            if importer.is_null() {
                (self.api.PyErr_Clear)();
            }
            importer != self.api._Py_NoneStruct
        }
    }

    /// Runs the file at `path` as the main program, with the same stack frames and the same report of an exception as
    /// `python3 path`. `feature_version` is the minor version.
    pub(crate) fn run_main_file(&self, path: &CStr, feature_version: i32) -> io::Result<FileEnd> {
        let api = &self.api;
        // SAFETY: both strings end in NUL.
        let file = unsafe { libc::fopen(path.as_ptr(), c"rb".as_ptr()) };
        if file.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the lock is held; `__main__` and its dictionary live as long as the interpreter; no other code closes
        // the file; an exception is pending if and only if the result is null.
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
                // For any other SystemExit, this call ends the process as required and does not return.
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

    /// Clears a pending `SystemExit` with an integer status or without a status, and returns the status. Leaves any
    /// other exception pending.
    ///
    /// # Safety
    /// The lock is held and an exception is pending.
    unsafe fn plain_exit(&self) -> Option<i32> {
        let api = &self.api;
        // SAFETY: the caller holds the lock, and an exception is pending. Every exception that is fetched here is then
        // restored or cleared.
        unsafe {
            if (api.PyErr_Occurred)() != *api.PyExc_SystemExit {
                return None;
            }
            let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
            (api.PyErr_Fetch)(&raw mut kind, &raw mut value, &raw mut traceback);
            // If the exception is not normalised yet, `value` is the status itself.
            let is_object = !value.is_null() && (api.PyObject_Type)(value) == *api.PyExc_SystemExit;
            let code = if is_object { (api.PyObject_GetAttrString)(value, c"code".as_ptr()) } else { value };
            let status = if code == api._Py_NoneStruct || (code.is_null() && !is_object) {
                Some(0)
            } else if !code.is_null() && (api.PyObject_Type)(code) == api.PyLong_Type {
                // An out-of-range status results in -1 and an exception, as in the executable.
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

    /// Flushes standard error and output, as the executable does before it reports an exception. A pending exception
    /// stays pending.
    ///
    /// # Safety
    /// The lock is held.
    unsafe fn flush(&self) {
        let api = &self.api;
        // SAFETY: the caller holds the lock; a reference to the stream is held across the call.
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

    /// Calls a function without arguments and without a calling frame, and ignores its result and any exception.
    pub(crate) fn call_and_ignore(&self, function: Object) {
        // SAFETY: the function is alive, and a null pointer means no arguments.
        unsafe {
            if (self.api.PyObject_CallObject)(function.0, null_mut()).is_null() {
                (self.api.PyErr_Clear)();
            }
        }
    }

    /// Empties a `dict`.
    pub(crate) fn clear(&self, dictionary: Object) {
        // SAFETY: the object is alive; the call has no effect on objects that are not dictionaries.
        unsafe { (self.api.PyDict_Clear)(dictionary.0) }
    }

    /// Joins threads, runs the exit functions, and finalises the interpreter. Returns whether output was lost.
    pub(crate) fn finalize(&self) -> bool {
        // SAFETY: the interpreter is not used afterwards, because callers end the process.
        unsafe { (self.api.Py_FinalizeEx)() < 0 }
    }

    fn made(&self, made: Ref) -> Result<Object, String> {
        if made.is_null() { Err(self.take_error()) } else { Ok(Object(made)) }
    }

    /// Clears the pending exception and returns it as text, for error messages.
    fn take_error(&self) -> String {
        // SAFETY: the exception is fetched and not restored; null pointers are checked before use.
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

/// Replaces the environment of this process, which must have one thread. If two variables have the same name, the first
/// one is used.
pub(crate) fn replace_environment<'a>(variables: impl IntoIterator<Item = (&'a CStr, &'a CStr)>) {
    // SAFETY: no other thread reads the environment at the same time; the strings are copied.
    unsafe {
        libc::clearenv();
        for (name, value) in variables {
            libc::setenv(name.as_ptr(), value.as_ptr(), 0);
        }
    }
}

/// Sets the stack size of new threads to `bytes`, as in a process that was started with that stack limit.
pub(crate) fn set_thread_stack_size(bytes: usize) {
    type SetDefault = unsafe extern "C" fn(*const libc::pthread_attr_t) -> c_int;
    let Ok(address) = symbol(libc::RTLD_DEFAULT, "pthread_setattr_default_np\0") else { return };
    // SAFETY: this is the function's type in pthread.h of the GNU C library; no other library has the function.
    let set_default = unsafe { std::mem::transmute::<*mut c_void, SetDefault>(address) };
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the first call initialises the attributes before anything reads them; a refused size keeps the default.
    unsafe {
        libc::pthread_attr_init(attributes.as_mut_ptr());
        if libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), bytes) == 0 {
            set_default(attributes.as_ptr());
        }
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
}

/// Registers the C library's restartable sequences with the kernel, as the library does when a program starts. A
/// process that shared the memory of its parent (`CLONE_VM`) is not registered, and neither are its forks. Source:
/// rseq(2); the GNU C library's manual, `__rseq_size`.
#[cfg(target_arch = "x86_64")]
pub(crate) fn register_restartable_sequences() {
    const SIGNATURE: u32 = 0x5305_3053;
    const BYTES: u32 = 32;
    let both = (symbol(libc::RTLD_DEFAULT, "__rseq_offset\0"), symbol(libc::RTLD_DEFAULT, "__rseq_size\0"));
    let (Ok(offset), Ok(size)) = both else { return };
    // SAFETY: these symbols are constants of the C library with these types, valid while it is loaded.
    let (offset, size) = unsafe { (offset.cast::<isize>().read(), size.cast::<u32>().read()) };
    if size == 0 {
        return;
    }
    let thread: usize;
    // SAFETY: reads the thread pointer, which the ABI stores at this address.
    unsafe { std::arch::asm!("mov {}, fs:0", out(reg) thread, options(nostack, readonly, preserves_flags)) };
    // SAFETY: the area belongs to the library, for this thread, and exists as long as the thread; the kernel refuses an
    // area that is already registered.
    unsafe { libc::syscall(libc::SYS_rseq, thread.wrapping_add_signed(offset), BYTES, 0, SIGNATURE) };
}

/// Does nothing: on other processors, a zygote's children are plain copies, which keep the registration.
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

/// The command line and environment that `/proc` shows for this process and its copies.
pub(crate) struct ShownArguments(MemoryMap);

impl ShownArguments {
    /// Reads the current memory map. Source: proc_pid_stat(5), fields 26 to 28 and 45 to 47.
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

    /// Makes `/proc` show these strings, as after an exec. If the kernel does not permit that, the old strings stay
    /// visible.
    pub(crate) fn replace<'a>(&self, argv: impl Iterator<Item = &'a CStr>, env: impl Iterator<Item = &'a CStr>) {
        const SET_MM_MAP: c_int = 14;
        let mut text: Vec<u8> = argv.flat_map(CStr::to_bytes_with_nul).copied().collect();
        let boundary = text.len() as u64;
        text.extend(env.flat_map(CStr::to_bytes_with_nul));
        // Leaked, because it must exist as long as the process.
        let text = text.leak();
        let start = text.as_ptr() as u64;
        // SAFETY: returns the current end of the heap and changes nothing.
        let brk = unsafe { libc::sbrk(0) } as u64;
        let map = MemoryMap {
            brk,
            arg_start: start,
            arg_end: start + boundary,
            env_start: start + boundary,
            env_end: start + text.len() as u64,
            ..self.0
        };
        // SAFETY: the kernel checks and copies the structure, which outlives the call; the call does not move or unmap
        // any memory.
        unsafe { libc::prctl(libc::PR_SET_MM, SET_MM_MAP, &raw const map, size_of::<MemoryMap>(), 0) };
    }
}

/// Returns unused memory of the C library's heap to the kernel.
pub(crate) fn trim_heap() {
    // SAFETY: malloc_trim has no preconditions.
    unsafe { libc::malloc_trim(0) };
}

/// Allocates the scattered free blocks in the heaps of the C library and of the interpreter, so that a program's later
/// allocations are contiguous. In a copy of this process, the first write to each page copies that page.
pub(crate) fn use_up_free_places(interpreter: &Interpreter) {
    // The sizes for which the C library keeps separate lists of freed blocks, largest first, because smaller blocks are
    // split off larger ones. Contiguous blocks show that the allocator has reached unfragmented memory.
    for size in (1..=64usize).rev().map(|n| n * 16 + 8) {
        let (mut before, mut in_a_row) = (0, 0);
        for _ in 0..4096 {
            // SAFETY: malloc has no preconditions; the block is leaked on purpose.
            let block = unsafe { libc::malloc(size) } as usize;
            in_a_row = if block == before + size + 8 { in_a_row + 1 } else { 0 };
            before = block;
            if in_a_row == 3 {
                break;
            }
        }
    }
    // The sizes for which the interpreter has pools of equal blocks. The first block of a new pool follows the pool's
    // header. Source: CPython's Objects/obmalloc.c, `POOL_SIZE`, `POOL_OVERHEAD`.
    for size in (1..=32usize).map(|n| n * 16) {
        for _ in 0..4096 {
            // SAFETY: the lock is held (module header); the block is leaked, unless it is the first of its pool.
            let block = unsafe { (interpreter.api.PyObject_Malloc)(size) };
            if block as usize % (16 * 1024) == 48 {
                // SAFETY: the block was allocated above, and nothing else refers to it.
                unsafe { (interpreter.api.PyObject_Free)(block) };
                break;
            }
        }
    }
}

/// Ends the process as a return from `main` does: runs exit functions of libraries and flushes C streams.
pub(crate) fn exit_like_main(status: i32) -> ! {
    // SAFETY: the process has one thread, and Cupel registers no exit function.
    unsafe { libc::exit(status) }
}

/// Dies of SIGINT, as the executable does after an unhandled interrupt.
pub(crate) fn die_of_interrupt() -> ! {
    // SAFETY: the default action needs no handler; the signal is sent to this process only.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        libc::kill(libc::getpid(), libc::SIGINT);
    }
    exit_like_main(libc::SIGINT + 128)
}

fn symbol(library: *mut c_void, name: &'static str) -> Result<*mut c_void, String> {
    // SAFETY: `name` ends in NUL (all callers' literals do); the handle is valid or RTLD_DEFAULT.
    let address = unsafe { libc::dlsym(library, name.as_ptr().cast()) };
    if address.is_null() { Err(format!("the symbol {} is missing", name.trim_end_matches('\0'))) } else { Ok(address) }
}

fn loader_error() -> String {
    // SAFETY: dlerror returns null or a C string that is valid until the next call.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() { "unknown error".to_owned() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
    }
}
