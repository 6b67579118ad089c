//! The messages that pass over the socket between the library and creel-init, and over the
//! connection that `start` makes. All have one size, so that one read takes one message.

/// The size of every message in bytes.
pub const SIZE: usize = 256;
/// How much text a message can carry.
pub const TEXT: usize = SIZE - 20;
/// The step of a failure that happened before the first step.
pub const BEFORE_STEPS: u32 = u32::MAX;

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// init: a step failed; `step`, `at`, `errno`, text. Nothing follows but the end.
    Failed = 1,
    /// init: the mounts are made, the runtime's hooks may run.
    Mounted = 2,
    /// init: everything is prepared.
    Ready = 3,
    /// init: the next call is execve, in the step `step`; after it the connection closes by itself. With a filter
    /// comes the memory in which the errno of an execve that failed is left, and when the filter has a
    /// listener Go is waited for before it is installed.
    Executing = 4,
    /// init: the process inside the joined pid namespace has the pid `step`.
    Pid = 5,
    /// init: the other end of the terminal comes with this message.
    Console = 6,
    /// init: something that is not an error was refused; as `Failed`, but it goes on.
    Warning = 7,
    /// library: go on.
    Go = 8,
    /// init: its new user namespace has no id maps yet.
    Unmapped = 20,
}

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $( $(#[$variant_doc:meta])* $variant:ident = $value:literal ),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u32)]
        pub enum $name { $( $(#[$variant_doc])* $variant = $value ),* }

        impl $name {
            /// The value with this number, if there is one.
            pub fn from_u32(value: u32) -> Option<Self> {
                match value {
                    $( $value => Some($name::$variant), )*
                    _ => None,
                }
            }
        }
    };
}

numbered! {
    /// What creel-init was doing inside a step when it failed.
    At {
        /// The step's one system call.
        Call = 0,
        /// Mapping the plan.
        ReadPlan = 1,
        /// Decoding the plan; errno is the [`crate::DecodeError`].
        Decode = 2,
        /// Waiting for the library.
        Sync = 3,
        /// Opening the root file system.
        OpenRoot = 4,
        /// Attaching the root file system.
        AttachRoot = 5,
        /// Finding the target below the root.
        Resolve = 6,
        /// Making the target.
        Create = 7,
        /// The target lies in a procfs and is none of the files that may be covered.
        InProc = 8,
        /// Opening the source of a bind.
        OpenSource = 9,
        /// fsopen(2): the file system type.
        FilesystemType = 10,
        /// fsconfig(2); the text is the parameter.
        Parameter = 11,
        /// fsconfig(FSCONFIG_CMD_CREATE); the text is the kernel's own, if any.
        CreateFilesystem = 12,
        /// mount_setattr(2).
        Attributes = 13,
        /// move_mount(2).
        Attach = 14,
        /// Setting the propagation of a mount.
        SetPropagation = 15,
        /// Something else is where a device or a link has to be.
        Mismatch = 16,
        /// Changing the owner.
        Owner = 17,
        /// Starting a hook.
        HookStart = 18,
        /// A hook's exit status other than 0 (in errno); the text is its output.
        HookStatus = 19,
        /// A hook was ended by a signal (in errno).
        HookSignal = 20,
        /// A hook ran out of time.
        HookTimeout = 21,
        /// Making a procfs of our own.
        OwnProc = 22,
        /// Opening a file to write.
        OpenFile = 23,
        /// Writing a file.
        WriteFile = 24,
        /// The container's /dev/null is not the null device.
        NullDevice = 25,
        /// No program of that name in PATH.
        NotInPath = 26,
        /// The program's path does not exist.
        NotFound = 27,
        /// The program is not executable.
        NotExecutable = 28,
        /// The working directory lies outside the root.
        Outside = 29,
        /// setgroups(2).
        Groups = 30,
        /// setresgid(2).
        Gid = 31,
        /// setresuid(2).
        Uid = 32,
        /// The ambient set.
        Ambient = 33,
        /// capset(2).
        Capset = 34,
        /// Opening /dev/pts/ptmx.
        Ptmx = 35,
        /// The terminal does not come from a devpts.
        NotDevpts = 36,
        /// execveat(2) of creel-init itself, or of the clone before it.
        Start = 37,
        /// No memory for the environment.
        Memory = 38,
        /// The steps ended without an Execute.
        End = 39,
        /// A panic: a defect in creel-init.
        Panic = 40,
        /// Stepping below the old root.
        Detach = 41,
        /// The socket to set lo up.
        Socket = 42,
        /// Installing the filter of [`crate::Step::Seccomp`], in the Execute step.
        Filter = 45,
        /// Copying what a tmpfs covers; the text is the name.
        Copy = 44,
        /// The container's directory is not reachable from the cgroup namespace.
        Chdir = 43,
    }
}

impl Kind {
    fn from_u32(value: u32) -> Option<Self> {
        const KINDS: [Kind; 9] = [
            Kind::Failed,
            Kind::Mounted,
            Kind::Ready,
            Kind::Executing,
            Kind::Pid,
            Kind::Console,
            Kind::Warning,
            Kind::Go,
            Kind::Unmapped,
        ];
        KINDS.into_iter().find(|kind| *kind as u32 == value)
    }
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub kind: Kind,
    /// The index of the step, or the pid.
    pub step: u32,
    /// What was being done.
    pub at: u32,
    /// The error number, positive, or the status or signal of a hook.
    pub errno: i32,
    length: u32,
    text: [u8; TEXT],
}

impl Message {
    /// A message that says only this.
    pub const fn new(kind: Kind) -> Self {
        Message { kind, step: 0, at: 0, errno: 0, length: 0, text: [0; TEXT] }
    }

    /// Carries as much of `text` as fits.
    pub fn with_text(mut self, text: &[u8]) -> Self {
        let length = text.len().min(TEXT);
        self.text[..length].copy_from_slice(&text[..length]);
        self.length = length as u32;
        self
    }

    /// The text it carries.
    pub fn text(&self) -> &[u8] {
        &self.text[..(self.length as usize).min(TEXT)]
    }

    /// The bytes that are sent.
    pub fn to_bytes(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[0..4].copy_from_slice(&(self.kind as u32).to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.step.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.at.to_ne_bytes());
        bytes[12..16].copy_from_slice(&self.errno.to_ne_bytes());
        bytes[16..20].copy_from_slice(&self.length.to_ne_bytes());
        bytes[20..].copy_from_slice(&self.text);
        bytes
    }

    /// Reads a message; `None` when it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; SIZE] = bytes.try_into().ok()?;
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let length = u32::from_ne_bytes(word(16));
        let mut text = [0; TEXT];
        text.copy_from_slice(&bytes[20..]);
        (length as usize <= TEXT).then_some(Message {
            kind: Kind::from_u32(u32::from_ne_bytes(word(0)))?,
            step: u32::from_ne_bytes(word(4)),
            at: u32::from_ne_bytes(word(8)),
            errno: i32::from_ne_bytes(word(12)),
            length,
            text,
        })
    }
}
