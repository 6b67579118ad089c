//! The options of a mount: what each word means to the kernel.

/// MOUNT_ATTR_*, mount_setattr(2).
pub(super) mod attr {
    pub(crate) const RDONLY: u64 = 0x1;
    pub(crate) const NOSUID: u64 = 0x2;
    pub(crate) const NODEV: u64 = 0x4;
    pub(crate) const NOEXEC: u64 = 0x8;
    /// All bits that say how access times are kept.
    pub(crate) const ATIME: u64 = 0x70;
    pub(crate) const NOATIME: u64 = 0x10;
    pub(crate) const STRICTATIME: u64 = 0x20;
    pub(crate) const NODIRATIME: u64 = 0x80;
    pub(crate) const NOSYMFOLLOW: u64 = 0x20_0000;
}

const MS_REC: u32 = 0x4000;
const MS_UNBINDABLE: u32 = 0x2_0000;
const MS_PRIVATE: u32 = 0x4_0000;
const MS_SLAVE: u32 = 0x8_0000;
pub(super) const MS_SHARED: u32 = 0x10_0000;

/// Attributes to set and to clear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) set: u64,
    pub(super) clear: u64,
}

impl Change {
    /// The later word wins.
    fn add(&mut self, set: u64, clear: u64) {
        self.set = self.set & !clear | set;
        self.clear = self.clear & !set | clear;
        // An access time mode is a number in a field: whoever sets it has to clear the field.
        if set & ATIME_MODES != 0 {
            self.clear |= attr::ATIME;
        }
    }
}

const ATIME_MODES: u64 = attr::NOATIME | attr::STRICTATIME;

/// All options of one mount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) bind: bool,
    pub(super) recursive: bool,
    pub(super) own: Change,
    pub(super) below: Change,
    pub(super) propagation: u32,
    /// A tmpfs begins with a copy of what it covers.
    pub(super) copy_up: bool,
    /// Words for the file system, fsconfig(2).
    pub(super) parameters: Vec<String>,
    /// A mount that is there already is changed.
    pub(super) remount: bool,
    /// Its ids are mapped; `true`: those of the mounts below it too.
    pub(super) ids_below: Option<bool>,
}

/// Whether creel itself knows a word; any other goes to the file system.
#[cfg(test)]
pub(crate) fn knows(word: &str) -> bool {
    Options::parse(std::iter::once(&word.to_owned())).parameters.is_empty()
}

impl Options {
    pub(super) fn parse<'a>(words: impl Iterator<Item = &'a String>) -> Self {
        let mut options = Options::default();
        words.for_each(|word| options.add(word));
        options
    }

    fn add(&mut self, word: &str) {
        if let Some(propagation) = propagation(word) {
            self.propagation = propagation;
        } else if let Some((set, clear)) = attributes(word) {
            self.own.add(set, clear);
        } else if let Some((set, clear)) = word.strip_prefix('r').and_then(attributes) {
            self.below.add(set, clear);
        } else {
            self.add_other(word);
        }
    }

    fn add_other(&mut self, word: &str) {
        match word {
            "bind" => self.bind = true,
            "rbind" => (self.bind, self.recursive) = (true, true),
            "defaults" | "" => {}
            "tmpcopyup" => self.copy_up = true,
            "remount" => self.remount = true,
            "idmap" => self.ids_below = Some(false),
            "ridmap" => self.ids_below = Some(true),
            // Words that mount(8) keeps for itself.
            "auto" | "noauto" | "user" | "nouser" | "users" | "_netdev" | "loud" | "silent" => {}
            word => self.parameters.push(word.to_owned()),
        }
    }
}

/// What a word sets and clears; with `r` in front it does so for the mounts below too.
fn attributes(word: &str) -> Option<(u64, u64)> {
    Some(match word {
        "ro" => (attr::RDONLY, 0),
        "rw" => (0, attr::RDONLY),
        "nosuid" => (attr::NOSUID, 0),
        "suid" => (0, attr::NOSUID),
        "nodev" => (attr::NODEV, 0),
        "dev" => (0, attr::NODEV),
        "noexec" => (attr::NOEXEC, 0),
        "exec" => (0, attr::NOEXEC),
        "noatime" => (attr::NOATIME, attr::STRICTATIME),
        "atime" => (0, attr::ATIME),
        "relatime" => (0, attr::ATIME),
        "norelatime" => (attr::STRICTATIME, attr::NOATIME),
        "strictatime" => (attr::STRICTATIME, attr::NOATIME),
        "nostrictatime" => (0, attr::ATIME),
        "nodiratime" => (attr::NODIRATIME, 0),
        "diratime" => (0, attr::NODIRATIME),
        "nosymfollow" => (attr::NOSYMFOLLOW, 0),
        "symfollow" => (0, attr::NOSYMFOLLOW),
        _ => return None,
    })
}

fn propagation(word: &str) -> Option<u32> {
    Some(match word {
        "shared" => MS_SHARED,
        "rshared" => MS_SHARED | MS_REC,
        "slave" => MS_SLAVE,
        "rslave" => MS_SLAVE | MS_REC,
        "private" => MS_PRIVATE,
        "rprivate" => MS_PRIVATE | MS_REC,
        "unbindable" => MS_UNBINDABLE,
        "runbindable" => MS_UNBINDABLE | MS_REC,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Options {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        Options::parse(words.iter())
    }

    #[test]
    fn the_later_word_wins() {
        assert_eq!(parse(&["ro", "rw"]).own, Change { set: 0, clear: attr::RDONLY });
        assert_eq!(parse(&["rw", "ro"]).own, Change { set: attr::RDONLY, clear: 0 });
    }

    #[test]
    fn an_access_time_mode_clears_its_field_first() {
        let change = parse(&["noatime"]).own;
        assert_eq!((change.set, change.clear), (attr::NOATIME, attr::ATIME));
        let change = parse(&["noatime", "relatime"]).own;
        assert_eq!((change.set, change.clear), (0, attr::ATIME));
    }

    #[test]
    fn r_means_below_too_but_relatime_is_a_word_of_its_own() {
        assert_eq!(parse(&["rro"]).below, Change { set: attr::RDONLY, clear: 0 });
        assert_eq!(parse(&["relatime"]).below, Change::default());
        assert_eq!(parse(&["ro"]).below, Change::default());
    }

    #[test]
    fn unknown_words_go_to_the_file_system() {
        assert_eq!(parse(&["size=64k", "mode=755", "nosuid"]).parameters, ["size=64k", "mode=755"]);
    }
}
