//! A file system in memory that survives a power cut as badly as the rules allow.
//!
//! Of what was not synced, each sector of 512 bytes may have reached the disk or not, in any order, one of them torn; the length likewise; a
//! name only after its directory was synced, or by luck.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use wandbd_journal::{Files, OpenFile};

use crate::support::Random;

const SECTOR: usize = 512;

/// Called before each sync, outside all locks.
pub(crate) type Hook = Arc<dyn Fn(&Path) + Send + Sync>;

/// What goes wrong. Numbers count calls that change something.
#[derive(Default, Clone)]
pub(crate) struct Faults {
    /// The power goes off in this call.
    pub(crate) power_off_at: Option<u64>,
    /// One write in so many finds the disk full, perhaps after writing a part.
    pub(crate) full_one_in: Option<u64>,
    /// One write in so many writes only a part.
    pub(crate) short_one_in: Option<u64>,
    /// Cutting a file back fails.
    pub(crate) set_len_fails: bool,
    /// Syncing a file fails.
    pub(crate) sync_fails: bool,
    /// Syncing a file does nothing and says it did.
    pub(crate) sync_lies: bool,
    pub(crate) before_sync: Option<Hook>,
}

#[derive(Clone)]
pub(crate) struct Memory(Arc<Mutex<World>>);

struct World {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    safe_names: BTreeMap<PathBuf, usize>,
    random: Random,
    faults: Faults,
    calls: u64,
    syncs: u64,
    off: bool,
}

#[derive(Clone, Default)]
struct Inode {
    data: Vec<u8>,
    safe: Vec<u8>,
}

impl Memory {
    pub(crate) fn new(seed: u64) -> Memory {
        Memory(Arc::new(Mutex::new(World {
            inodes: Vec::new(),
            names: BTreeMap::new(),
            safe_names: BTreeMap::new(),
            random: Random::new(seed),
            faults: Faults::default(),
            calls: 0,
            syncs: 0,
            off: false,
        })))
    }

    pub(crate) fn faults(&self, change: impl FnOnce(&mut Faults, u64)) {
        let mut world = self.world();
        let calls = world.calls;
        change(&mut world.faults, calls);
    }

    pub(crate) fn is_off(&self) -> bool {
        self.world().off
    }

    pub(crate) fn cut_power(&self) {
        self.world().off = true;
    }

    /// Syncs of files so far.
    pub(crate) fn syncs(&self) -> u64 {
        self.world().syncs
    }

    pub(crate) fn content(&self, path: &Path) -> Vec<u8> {
        let world = self.world();
        world.inodes[world.names[path]].data.clone()
    }

    pub(crate) fn put(&self, path: &Path, data: Vec<u8>) {
        let mut world = self.world();
        let inode = Inode {
            safe: data.clone(),
            data,
        };
        world.inodes.push(inode);
        let number = world.inodes.len() - 1;
        world.names.insert(path.to_owned(), number);
        world.safe_names.insert(path.to_owned(), number);
    }

    /// The disk as it is found after the power came back; no faults are set.
    pub(crate) fn restart(&self) -> Memory {
        let mut world = self.world();
        let World {
            names,
            safe_names,
            random,
            inodes,
            ..
        } = &mut *world;
        let mut found = safe_names.clone();
        for path in names.keys().chain(safe_names.keys()) {
            if random.below(2) == 0 {
                match names.get(path) {
                    Some(inode) => found.insert(path.clone(), *inode),
                    None => found.remove(path),
                };
            }
        }
        let survivors = inodes.iter().map(|inode| inode.survivor(random)).collect();
        let seed = random.next();
        let after = Memory::new(seed);
        {
            let mut world = after.world();
            world.inodes = survivors;
            world.names = found.clone();
            world.safe_names = found;
        }
        after
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        let world = self.world();
        world.powered()?;
        let inode = *world.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Handle {
            memory: self.clone(),
            path: path.to_owned(),
            inode,
        }))
    }
}

impl Inode {
    fn survivor(&self, random: &mut Random) -> Inode {
        let (old, new) = (&self.safe, &self.data);
        let longest = old.len().max(new.len());
        let shortest = old.len().min(new.len());
        let len = match random.below(4) {
            0 => old.len(),
            1 => shortest + random.index(longest - shortest + 1),
            _ => new.len(),
        };
        let luck = [0, 1, 5, 9, 10][random.index(5)];
        let torn = random.index(longest / SECTOR + 1);
        let mut data = old.clone();
        fit(&mut data, len);
        for number in 0..len.div_ceil(SECTOR) {
            let lucky = random.below(10) < luck;
            let new_bytes = match (number == torn, lucky) {
                (true, _) => random.index(SECTOR + 1),
                (false, true) => SECTOR,
                (false, false) => 0,
            };
            let start = number * SECTOR;
            let end = (start + new_bytes).min(len);
            let written = end.min(new.len()).max(start);
            data[start..written].copy_from_slice(new.get(start..written).unwrap_or_default());
            data[written..end].fill(0);
        }
        Inode {
            safe: data.clone(),
            data,
        }
    }
}

/// Whether a call is the one in which the power goes off.
#[derive(PartialEq)]
enum Power {
    On,
    GoesOff,
}

/// `resize` with zeros, but quick without optimization.
fn fit(data: &mut Vec<u8>, len: usize) {
    data.truncate(len);
    let missing = len - data.len();
    data.extend_from_slice(&vec![0; missing]);
}

fn gone() -> io::Error {
    io::Error::other("the power is off")
}

impl World {
    fn powered(&self) -> io::Result<()> {
        if self.off { Err(gone()) } else { Ok(()) }
    }

    fn call(&mut self) -> io::Result<Power> {
        self.powered()?;
        self.calls += 1;
        if self.faults.power_off_at == Some(self.calls) {
            self.off = true;
            return Ok(Power::GoesOff);
        }
        Ok(Power::On)
    }

    fn one_in(&mut self, times: Option<u64>) -> bool {
        times.is_some_and(|times| self.random.below(times) == 0)
    }

    fn write(&mut self, inode: usize, data: &[u8], offset: u64) -> io::Result<usize> {
        let power = self.call()?;
        let full = self.one_in(self.faults.full_one_in);
        let short = self.one_in(self.faults.short_one_in);
        let written = if power == Power::GoesOff || full || short {
            let least = usize::from(short && power == Power::On && !data.is_empty());
            least + self.random.index(data.len() + 1 - least)
        } else {
            data.len()
        };
        let start = usize::try_from(offset).unwrap();
        let file = &mut self.inodes[inode].data;
        let len = file.len().max(start + written);
        fit(file, len);
        file[start..start + written].copy_from_slice(&data[..written]);
        match (power, full) {
            (Power::GoesOff, _) => Err(gone()),
            (Power::On, true) => Err(io::ErrorKind::StorageFull.into()),
            (Power::On, false) => Ok(written),
        }
    }

    fn sync(&mut self, inode: usize) -> io::Result<()> {
        let power = self.call()?;
        self.syncs += 1;
        if self.faults.sync_fails {
            return Err(io::Error::other("the disk is broken"));
        }
        let safe = match power {
            Power::On => !self.faults.sync_lies,
            Power::GoesOff => self.random.below(2) == 0,
        };
        if safe {
            let inode = &mut self.inodes[inode];
            inode.safe.clone_from(&inode.data);
        }
        match power {
            Power::On => Ok(()),
            Power::GoesOff => Err(gone()),
        }
    }
}

impl Files for Memory {
    fn create_dirs(&self, _: &Path) -> io::Result<()> {
        self.world().powered()
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        {
            let mut world = self.world();
            let power = world.call()?;
            if world.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            world.inodes.push(Inode::default());
            let number = world.inodes.len() - 1;
            world.names.insert(path.to_owned(), number);
            if power == Power::GoesOff {
                return Err(gone());
            }
        }
        self.open(path)
    }

    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        self.open(path)
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn OpenFile>> {
        self.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        let power = world.call()?;
        let inode = world.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        world.names.insert(to.to_owned(), inode);
        if power == Power::GoesOff {
            return Err(gone());
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.powered()?;
        world.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        if world.call()? == Power::GoesOff {
            return Err(gone());
        }
        let inside = |name: &PathBuf| name.parent() == Some(path);
        let World {
            names, safe_names, ..
        } = &mut *world;
        safe_names.retain(|name, _| !inside(name));
        safe_names.extend(names.clone().into_iter().filter(|(name, _)| inside(name)));
        Ok(())
    }
}

struct Handle {
    memory: Memory,
    path: PathBuf,
    inode: usize,
}

impl OpenFile for Handle {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.memory.world();
        world.powered()?;
        let data = &world.inodes[self.inode].data;
        let rest = data
            .get(usize::try_from(offset).unwrap()..)
            .unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        let mut world = self.memory.world();
        world.write(self.inode, data, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        let hook = self.memory.world().faults.before_sync.clone();
        if let Some(hook) = hook {
            hook(&self.path);
        }
        self.memory.world().sync(self.inode)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut world = self.memory.world();
        let power = world.call()?;
        if world.faults.set_len_fails {
            return Err(io::Error::other("the disk is broken"));
        }
        let len = usize::try_from(len).unwrap();
        fit(&mut world.inodes[self.inode].data, len);
        if power == Power::GoesOff {
            return Err(gone());
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        let world = self.memory.world();
        world.powered()?;
        Ok(world.inodes[self.inode].data.len() as u64)
    }
}
