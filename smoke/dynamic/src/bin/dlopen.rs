//! Loads the library that lies beside it and calls it; sees what is not there reported.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::transmute;
use std::os::unix::ffi::OsStringExt as _;

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlclose(library: *mut c_void) -> c_int;
    fn dlerror() -> *const c_char;
}

const RTLD_NOW: c_int = 2;

fn error() -> String {
    // SAFETY: dlerror gives null or a string that stays until the next call.
    let text = unsafe { dlerror().as_ref().map(|first| CStr::from_ptr(first)) };
    text.map_or_else(|| "no error".into(), |text| text.to_string_lossy().into_owned())
}

fn open(path: &CStr) -> Result<*mut c_void, String> {
    // SAFETY: the library's initializers are our own, or there is no such library.
    let library = unsafe { dlopen(path.as_ptr(), RTLD_NOW) };
    if library.is_null() { Err(error()) } else { Ok(library) }
}

fn symbol(library: *mut c_void, name: &CStr) -> Result<*mut c_void, String> {
    // SAFETY: the handle is open.
    let symbol = unsafe { dlsym(library, name.as_ptr()) };
    if symbol.is_null() { Err(error()) } else { Ok(symbol) }
}

fn main() -> Result<(), String> {
    let path = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("libplugin.so");
    let path = CString::new(path.into_os_string().into_vec()).map_err(|error| error.to_string())?;
    let library = open(&path)?;
    let (calls, root) = (symbol(library, c"plugin_calls")?, symbol(library, c"plugin_root")?);
    // SAFETY: these are the types that the library gives the two.
    let (calls, root): (extern "C" fn() -> c_int, extern "C" fn(c_int) -> c_int) =
        unsafe { (transmute(calls), transmute(root)) };
    println!("calls: {} {}", calls(), calls());
    println!("in another thread: {}", std::thread::spawn(move || calls()).join().unwrap_or(0));
    println!("roots: {} {}", root(144), root(-1));

    let missing = symbol(library, c"no_such_symbol").unwrap_err();
    println!("missing symbol named: {}", missing.contains("no_such_symbol"));
    let missing = open(c"/no/such/library.so").unwrap_err();
    println!("missing library named: {}", missing.contains("/no/such/library.so"));
    // SAFETY: nothing of the library is used any more.
    println!("closed: {}", unsafe { dlclose(library) });
    Ok(())
}
