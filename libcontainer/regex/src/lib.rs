//! `regex` for oci-spec, by way of regex-lite.
//!
//! oci-spec matches `execCPUAffinity` against one pattern and depends on the whole of `regex` for it,
//! engines, caches and Unicode tables: a million bytes of the program. regex-lite has the same
//! interface in a few dozen thousand; its `\d` means the ten ASCII digits, as the specification does.

pub use regex_lite::Regex;

#[cfg(test)]
mod tests {
    /// The pattern is oci-spec's.
    #[test]
    fn lists_of_processors_are_told_from_others() {
        let list = crate::Regex::new(r"^(\d+(-\d+)?)(,\d+(-\d+)?)*$").unwrap();
        for good in ["0", "0-3", "7,9-11,4"] {
            assert!(list.is_match(good), "{good}");
        }
        for bad in ["", "-1", "0-", "1,,2", "1 ", "a", "٣"] {
            assert!(!list.is_match(bad), "{bad}");
        }
    }
}
