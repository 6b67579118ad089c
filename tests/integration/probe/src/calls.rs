//! System calls by number, and what the kernel answers: what `probe calls FILE` reads and writes, one a line.

use std::fmt;
use std::str::FromStr;

/// By which table of the kernel a number is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The machine's own; on x86_64 that of x32 too, by its bit in the number.
    Native,
    /// That of 32-bit x86, by way of `int 0x80`.
    X86,
}

/// A system call: `native 27 0 1 2 3 4 5`, all numbers hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Call {
    pub table: Table,
    pub number: u32,
    pub arguments: [u64; 6],
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The kernel's own value: -errno when it failed.
    Returned(i64),
    /// SIGSYS, with the data of the filter.
    Trapped(i32),
    /// The thread is gone, the process went on.
    ThreadKilled,
    /// The process was killed by SIGSYS, handler or not.
    ProcessKilled,
    /// The process was killed by another signal.
    Signal(i32),
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.table == Table::Native { "native" } else { "x86" })?;
        write!(f, " {:x}", self.number)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument:x}"))
    }
}

impl FromStr for Call {
    type Err = String;

    fn from_str(text: &str) -> Result<Call, String> {
        let read = || {
            let mut words = text.split(' ');
            let table = match words.next()? {
                "native" => Table::Native,
                "x86" => Table::X86,
                _ => return None,
            };
            let number = u32::from_str_radix(words.next()?, 16).ok()?;
            let rest: Option<Vec<u64>> = words.map(|w| u64::from_str_radix(w, 16).ok()).collect();
            Some(Call { table, number, arguments: rest?.try_into().ok()? })
        };
        read().ok_or_else(|| format!("no system call: {text}"))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Returned(value) => write!(f, "returned {value}"),
            Answer::Trapped(data) => write!(f, "trapped {data}"),
            Answer::ThreadKilled => f.write_str("thread-killed 0"),
            Answer::ProcessKilled => f.write_str("process-killed 0"),
            Answer::Signal(number) => write!(f, "signal {number}"),
        }
    }
}

impl FromStr for Answer {
    type Err = String;

    fn from_str(text: &str) -> Result<Answer, String> {
        let read = || {
            let (word, number) = text.split_once(' ')?;
            let number: i64 = number.parse().ok()?;
            Some(match word {
                "returned" => Answer::Returned(number),
                "trapped" => Answer::Trapped(number as i32),
                "thread-killed" => Answer::ThreadKilled,
                "process-killed" => Answer::ProcessKilled,
                "signal" => Answer::Signal(number as i32),
                _ => return None,
            })
        };
        read().ok_or_else(|| format!("no answer: {text}"))
    }
}
