//! Seeds that once found a fault, from `seeds.txt`.

/// The names of the worlds.
pub const API: &str = "api";
pub const PUSH_STREAM: &str = "push-stream";
pub const SIGNED: &str = "signed";

/// The recorded seeds of a world.
pub fn recorded(world: &str) -> Vec<u64> {
    let rows = rows(include_str!("seeds.txt"));
    rows.filter(|(of, ..)| *of == world).map(|(_, seed, _)| seed).collect()
}

/// World, seed, and the fault that it found.
fn rows(text: &str) -> impl Iterator<Item = (&str, u64, &str)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let fields: Vec<&str> = line.splitn(3, ' ').collect();
        let [world, seed, finding] = fields[..] else { panic!("world, seed, finding: {line}") };
        (world, seed.parse().unwrap_or_else(|_| panic!("a seed is a number: {line}")), finding)
    })
}

#[test]
fn each_recorded_seed_is_in_the_file_once_with_its_world_and_its_finding() {
    let mut rows = Vec::from_iter(rows(include_str!("seeds.txt")));
    let count = rows.len();
    for (world, seed, finding) in &rows {
        assert!([API, PUSH_STREAM, SIGNED].contains(world), "{world} {seed}: an unknown world");
        assert!(!finding.is_empty(), "{world} {seed}: what it showed");
    }
    rows.sort_unstable();
    rows.dedup_by_key(|(world, seed, _)| (*world, *seed));
    assert_eq!(rows.len(), count, "no seed is listed twice");
}
