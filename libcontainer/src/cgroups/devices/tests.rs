use super::*;
use crate::cgroups::resources::Writes;

mod kernel;

/// `allow c 1:3 rw` as a rule.
fn rule(text: &str) -> Rule {
    let fields: Vec<_> = text.split([' ', ':']).collect();
    let number = |n: &str| (n != "*").then(|| n.parse().unwrap());
    let bit = |letter| match letter {
        'm' => 1,
        'r' => 2,
        'w' => 4,
        _ => panic!("{letter}"),
    };
    Rule {
        allow: fields[0] == "allow",
        kind: match fields[1] {
            "a" => Kind::Any,
            "b" => Kind::Block,
            "c" => Kind::Char,
            other => panic!("{other}"),
        },
        major: number(fields[2]),
        minor: number(fields[3]),
        access: Access(fields[4].chars().map(bit).sum()),
        index: Some(0),
    }
}

fn list(texts: &[&str]) -> Vec<Rule> {
    texts.iter().map(|text| rule(text)).collect()
}

/// A question of the kernel.
#[derive(Debug, Clone, Copy)]
struct Question {
    block: bool,
    major: u32,
    minor: u32,
    access: u8,
}

/// The rules, read from first to last: each access has the verdict of the last that names it.
fn verdict(rules: &[Rule], question: Question) -> bool {
    let kind = if question.block { Kind::Block } else { Kind::Char };
    let is_allowed = |bit: u8| {
        let mut allowed = false;
        for rule in rules {
            let names_device = (rule.kind == Kind::Any || rule.kind == kind)
                && rule.major.is_none_or(|major| major == question.major)
                && rule.minor.is_none_or(|minor| minor == question.minor);
            if names_device && rule.access.0 & bit != 0 {
                allowed = rule.allow;
            }
        }
        allowed
    };
    [1, 2, 4].into_iter().filter(|bit| question.access & bit != 0).all(is_allowed)
}

/// Run a program as the kernel would.
fn run(program: &[u64], question: Question) -> bool {
    let kind = if question.block { 1 } else { 2 };
    let context = [(u32::from(question.access) << 16) | kind, question.major, question.minor];
    let mut registers = [0u32; 6];
    let mut at = 0;
    loop {
        let bytes = program[at].to_ne_bytes();
        let (to, from) = (usize::from(bytes[1] & 15), usize::from(bytes[1] >> 4));
        let offset = i16::from_ne_bytes([bytes[2], bytes[3]]);
        let value = u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        let left = registers[to];
        at += 1;
        let mut jump = |yes: bool| at = if yes { at.strict_jump(offset) } else { at };
        match bytes[0] {
            0x61 => registers[to] = context[usize::try_from(offset).unwrap() / 4],
            0xb4 => registers[to] = value,
            0xbc => registers[to] = registers[from],
            0x54 => registers[to] &= value,
            0x4c => registers[to] |= registers[from],
            0x64 => registers[to] <<= value,
            0x74 => registers[to] >>= value,
            0x05 => jump(true),
            0x16 => jump(left == value),
            0x56 => jump(left != value),
            0x46 => jump(left & value != 0),
            0x95 => return registers[0] == 1,
            code => panic!("{code:#x}"),
        }
    }
}

trait Jump {
    fn strict_jump(self, offset: i16) -> usize;
}

impl Jump for usize {
    fn strict_jump(self, offset: i16) -> usize {
        assert!(offset >= 0, "a filter has no loops");
        self + usize::try_from(offset).unwrap()
    }
}

/// xorshift64: the same lists at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// One of these in three cases of four.
    fn number(&mut self, numbers: &[u32]) -> Option<u32> {
        let index = self.below(numbers.len() as u64 * 4 / 3);
        numbers.get(index as usize).copied()
    }

    fn rule(&mut self, majors: &[u32], minors: &[u32]) -> Rule {
        let kind = [Kind::Any, Kind::Block, Kind::Char, Kind::Char][self.below(4) as usize];
        let access = if self.below(2) == 0 { 7 } else { 1 + self.below(7) as u8 };
        Rule {
            allow: self.below(2) == 0,
            kind,
            major: self.number(majors),
            minor: self.number(minors),
            access: Access(access),
            index: Some(0),
        }
    }

    fn rules(&mut self) -> Vec<Rule> {
        const NUMBERS: [u32; 6] = [0, 1, 5, 4095, 4096, 1 << 20];
        self.rules_about(&NUMBERS, &NUMBERS)
    }

    fn rules_about(&mut self, majors: &[u32], minors: &[u32]) -> Vec<Rule> {
        (0..self.below(14)).map(|_| self.rule(majors, minors)).collect()
    }
}

fn questions() -> impl Iterator<Item = Question> {
    let numbers = [0, 1, 2, 5, 4095];
    let minors = [0, 1, 2, 5, 4095, 4096, (1 << 20) - 1];
    [false, true].into_iter().flat_map(move |block| {
        numbers.into_iter().flat_map(move |major| {
            minors.into_iter().flat_map(move |minor| {
                (1..8).map(move |access| Question { block, major, minor, access })
            })
        })
    })
}

#[test]
fn programs_say_what_the_rules_say() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..3000 {
        let rules = random.rules();
        let program = compile::compile(&rules).unwrap();
        for question in questions() {
            let said = program.as_ref().is_none_or(|program| run(program, question));
            assert_eq!(said, verdict(&rules, question), "{rules:?} {question:?}");
        }
    }
}

/// Version 1's state, asked as the kernel does, where the rules could be expressed. The kernel wants
/// one exception to allow the whole access, so it is asked for one access at a time.
#[test]
fn version_1_says_what_the_rules_say() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut expressed = 0;
    for _ in 0..3000 {
        let rules = random.rules();
        let mut writes = Writes::default();
        if v1::plan(&rules, &mut writes).is_err() {
            continue;
        }
        expressed += 1;
        let writes = writes.take(&["devices".to_owned()]);
        let as_rules: Vec<_> = writes
            .iter()
            .map(|write| rule(&format!("{} {}", &write.file["devices.".len()..], write.value)))
            .collect();
        assert!(as_rules[0].is_total());
        assert!(as_rules[1..].iter().all(|rule| rule.allow != as_rules[0].allow));
        for question in questions().filter(|q| q.access.is_power_of_two()) {
            assert_eq!(verdict(&as_rules, question), verdict(&rules, question), "{rules:?}");
        }
    }
    assert!(expressed > 300, "{expressed}");
}

#[test]
fn a_default_container_takes_few_instructions() {
    let rules: Vec<_> = list(&["deny a *:* rwm"]).into_iter().chain(own_rules()).collect();
    let program = compile::compile(&rules).unwrap().unwrap();
    assert!(program.len() <= 26, "{}", program.len());
}

#[test]
fn a_privileged_container_needs_no_filter() {
    let rules: Vec<_> = list(&["allow a *:* rwm"]).into_iter().chain(own_rules()).collect();
    assert_eq!(compile::compile(&rules).unwrap(), None);
    let joined = list(&["deny c 1:3 r", "allow c *:* rwm", "allow b *:* rwm"]);
    assert_eq!(compile::compile(&joined).unwrap(), None);
}

/// `devices.list` of runc 1.1.5's container with the same rules has the same entries.
#[test]
fn version_1_writes_are_those_of_runc() {
    let rules: Vec<_> = list(&["deny a *:* rwm"]).into_iter().chain(own_rules()).collect();
    let mut writes = Writes::default();
    v1::plan(&rules, &mut writes).unwrap();
    let text: Vec<_> = writes
        .take(&["devices".to_owned()])
        .iter()
        .map(|write| format!("{} {}", write.file, write.value))
        .collect();
    let expected = [
        "devices.deny a *:* rwm",
        "devices.allow c *:* m",
        "devices.allow b *:* m",
        "devices.allow c 1:3 rwm",
        "devices.allow c 1:5 rwm",
        "devices.allow c 1:7 rwm",
        "devices.allow c 1:8 rwm",
        "devices.allow c 1:9 rwm",
        "devices.allow c 5:0 rwm",
        "devices.allow c 5:2 rwm",
        "devices.allow c 10:200 rwm",
        "devices.allow c 136:* rwm",
    ];
    assert_eq!(text, expected);
}

#[test]
fn a_hole_in_a_wider_rule_is_refused_on_version_1() {
    let rules = list(&["deny a *:* rwm", "allow c 7:* rwm", "deny c 7:3 rw"]);
    let result = v1::plan(&rules, &mut Writes::default());
    assert!(matches!(result, Err(Error::DeviceHole { .. })));
}

#[test]
fn bad_rules_name_their_place() {
    let cases = [
        (r#"[{"allow":true,"type":"p","access":"r"}]"#, "linux.resources.devices[0].type"),
        (r#"[{"allow":true,"type":"c"}]"#, "linux.resources.devices[0].access"),
        (r#"[{"access":"rwm"},{"access":"x"}]"#, "linux.resources.devices[1].access"),
        (r#"[{"access":"r","major":-2}]"#, "linux.resources.devices[0].major"),
    ];
    for (json, path) in cases {
        let config: Vec<LinuxDeviceCgroup> = serde_json::from_str(json).unwrap();
        match rules(Some(&config)) {
            Err(Error::Invalid { json_path, .. }) => assert_eq!(json_path, path),
            other => panic!("{other:?}"),
        }
    }
}

/// The verifier takes what the compiler makes.
#[test]
fn the_kernel_loads_the_programs() {
    if !nix::unistd::geteuid().is_root() {
        return crate::skip::skip("loading a device program needs root");
    }
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut loaded = 0;
    while loaded < 300 {
        let rules = random.rules();
        if let Some(program) = compile::compile(&rules).unwrap() {
            let result = crate::sys::bpf::load_device_program(&program);
            assert!(result.is_ok(), "{rules:?}: {result:?}");
            loaded += 1;
        }
    }
}
