//! From the kernel's first instruction to `main`.

use core::ffi::{CStr, c_char};

use super::{file, process};

/// The most arguments that these programs, and the programs they start, can have.
pub const MAX_ARGS: usize = 32;

/// The program's arguments, as the kernel laid them out.
#[derive(Clone, Copy)]
pub struct Args {
    list: &'static [*const c_char],
}

impl Args {
    /// Argument `i`, the program's own name being 0.
    pub fn get(&self, i: usize) -> Option<&'static CStr> {
        // SAFETY: the kernel puts `argc` pointers to NUL-terminated strings there, never changed
        // and never freed.
        self.list.get(i).map(|&p| unsafe { CStr::from_ptr(p) })
    }

    /// The arguments from `first` on, without copying them.
    pub fn from(&self, first: usize) -> Self {
        Self { list: self.list.get(first..).unwrap_or(&[]) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The same as an argv for `execve`: the kernel's list has its NULL already.
    pub(super) fn as_argv(&self) -> *const *const c_char {
        self.list.as_ptr()
    }
}

/// Defines the program: `start_program!(main)` for `fn main(args: Args) -> i32`.
#[macro_export]
macro_rules! start_program {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn bare_main(args: $crate::sys::Args) -> i32 {
            $main(args)
        }
    };
}
pub use start_program;

#[allow(improper_ctypes)]
unsafe extern "C" {
    fn bare_main(args: Args) -> i32;
}

/// Called by `_start` with the stack pointer the kernel gave: argc, then argv.
///
/// # Safety
/// Only for `_start`.
#[unsafe(no_mangle)]
unsafe extern "C" fn bare_start(stack: *const usize) -> ! {
    // SAFETY: argc and as many pointers after it are the layout of a new program's stack (x86-64
    // psABI 3.4.1), which lives as long as the program.
    let list = unsafe { core::slice::from_raw_parts(stack.add(1).cast(), *stack) };
    // SAFETY: `start_program!` defines it with exactly this signature.
    let code = unsafe { bare_main(Args { list }) };
    process::exit(code)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    file::write_all(2, b"panicked\n");
    process::exit(101)
}
