//! Keeps the daemon small: it shares the machine with training.
//!
//! glibc keeps what was once used: an arena for every thread, and large blocks in the heap after the first one was freed. Two arenas and
//! a fixed limit for blocks of their own cost nothing measurable here, and what small blocks leave behind is given back now and then.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    /// Blocks from this size on are mapped by themselves and given back when they are freed, in bytes.
    const OWN_MAPPING: i32 = 256 << 10;
    const ARENAS: i32 = 2;
    /// Free memory that may stay, in bytes.
    const WORTH_IT: usize = 1 << 20;

    /// Once, before any thread was started.
    pub(crate) fn tune() {
        // SAFETY: mallopt only sets numbers of the allocator.
        #[expect(unsafe_code, reason = "there is no safe face to mallopt")]
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, ARENAS);
            libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING);
        }
    }

    /// Gives free memory back to the system, if there is enough of it to be worth the walk.
    pub(crate) fn give_back() {
        // SAFETY: mallinfo2 only reads the allocator's own counts; malloc_trim touches only memory that is free.
        #[expect(unsafe_code, reason = "there is no safe face to malloc_trim")]
        unsafe {
            if libc::mallinfo2().fordblks > WORTH_IT {
                libc::malloc_trim(0);
            }
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod glibc {
    pub(crate) fn tune() {}
    pub(crate) fn give_back() {}
}

pub(crate) use glibc::{give_back, tune};
