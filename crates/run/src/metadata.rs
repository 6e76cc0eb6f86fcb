//! What is known of program and machine, as `wandb-metadata.json` has it: the JSON names of protobuf, 64-bit integers as
//! strings, absent values left out.

use wandbd_record::json::str_text;
use wandbd_record::wandb::EnvironmentRecord;
use wandbd_record::{Node, Tree};

use crate::date::utc_micros;

/// The record as a tree.
pub(crate) fn tree(record: &EnvironmentRecord) -> Tree {
    let mut out = Tree::new();
    text(&mut out, &["os"], &record.os);
    text(&mut out, &["python"], &record.python);
    if let Some(at) = &record.started_at {
        let at = format!("{}Z", utc_micros(at));
        text(&mut out, &["startedAt"], &at);
    }
    text(&mut out, &["docker"], &record.docker);
    if !record.args.is_empty() {
        let args: Vec<String> = record.args.iter().map(|arg| str_text(arg)).collect();
        out.set(&["args"], format!("[{}]", args.join(",")));
    }
    program(&mut out, record);
    machine(&mut out, record);
    text(&mut out, &["writerId"], &record.writer_id);
    out
}

fn program(out: &mut Tree, record: &EnvironmentRecord) {
    text(out, &["program"], &record.program);
    text(out, &["codePath"], &record.code_path);
    text(out, &["codePathLocal"], &record.code_path_local);
    if let Some(git) = &record.git {
        text(out, &["git", "remote"], &git.remote_url);
        text(out, &["git", "commit"], &git.commit);
    }
    text(out, &["email"], &record.email);
    text(out, &["root"], &record.root);
    text(out, &["host"], &record.host);
    text(out, &["username"], &record.username);
    text(out, &["executable"], &record.executable);
    text(out, &["colab"], &record.colab);
}

fn machine(out: &mut Tree, record: &EnvironmentRecord) {
    count(out, &["cpu_count"], record.cpu_count);
    count(out, &["cpu_count_logical"], record.cpu_count_logical);
    text(out, &["gpu"], &record.gpu_type);
    count(out, &["gpu_count"], record.gpu_count);
    let mut disks: Vec<_> = record.disk.iter().collect();
    disks.sort_by(|left, right| left.0.cmp(right.0));
    for (path, disk) in disks {
        long(out, &["disk", path, "total"], disk.total);
        long(out, &["disk", path, "used"], disk.used);
    }
    let mut slurm: Vec<_> = record.slurm.iter().collect();
    slurm.sort();
    for (name, value) in slurm {
        text(out, &["slurm", name], value);
    }
    if let Some(memory) = &record.memory {
        long(out, &["memory", "total"], memory.total);
    }
    if let Some(cpu) = &record.cpu {
        count(out, &["cpu", "count"], cpu.count);
        count(out, &["cpu", "countLogical"], cpu.count_logical);
        text(out, &["cpu", "model"], &cpu.model);
    }
}

fn text(out: &mut Tree, path: &[&str], value: &str) {
    if !value.is_empty() {
        out.set(path, str_text(value));
    }
}

fn count(out: &mut Tree, path: &[&str], value: u32) {
    if value != 0 {
        out.set(path, value.to_string());
    }
}

fn long(out: &mut Tree, path: &[&str], value: u64) {
    if value != 0 {
        out.set_node(path, Node::Leaf(format!("\"{value}\"")));
    }
}

/// What both say together; `later` wins. Later records come when the hardware was probed, and repeat only a part.
pub(crate) fn merged(old: &EnvironmentRecord, later: &EnvironmentRecord) -> EnvironmentRecord {
    let mut out = later.clone();
    for (text, before) in [
        (&mut out.os, &old.os),
        (&mut out.python, &old.python),
        (&mut out.docker, &old.docker),
        (&mut out.program, &old.program),
        (&mut out.code_path, &old.code_path),
        (&mut out.code_path_local, &old.code_path_local),
        (&mut out.email, &old.email),
        (&mut out.root, &old.root),
        (&mut out.host, &old.host),
        (&mut out.username, &old.username),
        (&mut out.executable, &old.executable),
        (&mut out.colab, &old.colab),
        (&mut out.gpu_type, &old.gpu_type),
        (&mut out.writer_id, &old.writer_id),
    ] {
        if text.is_empty() {
            text.clone_from(before);
        }
    }
    for (number, before) in [
        (&mut out.cpu_count, old.cpu_count),
        (&mut out.cpu_count_logical, old.cpu_count_logical),
        (&mut out.gpu_count, old.gpu_count),
    ] {
        if *number == 0 {
            *number = before;
        }
    }
    out.started_at = later.started_at.or(old.started_at);
    out.git = later.git.clone().or_else(|| old.git.clone());
    out.memory = later.memory.or(old.memory);
    out.cpu = later.cpu.clone().or_else(|| old.cpu.clone());
    if out.args.is_empty() {
        out.args.clone_from(&old.args);
    }
    if out.disk.is_empty() {
        out.disk.clone_from(&old.disk);
    }
    if out.slurm.is_empty() {
        out.slurm.clone_from(&old.slurm);
    }
    out
}
