//! Read leases: who opens a leased file for writing waits until the lease is gone.

use std::{fs::File, io};

/// A file that nobody has open for writing, and that nobody opens for writing before this is dropped (or the kernel's patience ends).
#[derive(Debug)]
pub(crate) struct Leased {
    file: File,
}

impl Leased {
    /// Takes a lease; an error when somebody has the file open for writing, owns it, or leases are not known here.
    pub(crate) fn take(file: File) -> io::Result<Self> {
        system::take(&file)?;
        Ok(Self { file })
    }

    /// Somebody waits for the end of the lease, or has got it.
    pub(crate) fn is_wanted(&self) -> bool {
        system::is_wanted(&self.file)
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

// Closing the file ends the lease: nobody else has this descriptor.

#[cfg(target_os = "linux")]
mod system {
    use std::{fs::File, io, os::fd::AsRawFd as _};

    /// Tells by this signal that somebody waits; its default is to be ignored. We look instead.
    const QUIET: libc::c_int = libc::SIGURG;
    const F_SETSIG: libc::c_int = 10;
    const F_SETLEASE: libc::c_int = 1024;
    const F_GETLEASE: libc::c_int = 1025;

    #[expect(unsafe_code, reason = "leases have no safe binding")]
    fn fcntl(file: &File, command: libc::c_int, argument: libc::c_int) -> io::Result<libc::c_int> {
        // SAFETY: the descriptor is open as long as `file` is, and these commands take an integer and touch no memory of ours.
        let answer = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
        if answer < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(answer)
    }

    pub(super) fn take(file: &File) -> io::Result<()> {
        // Before the lease: the default signal ends a process.
        fcntl(file, F_SETSIG, QUIET)?;
        fcntl(file, F_SETLEASE, libc::F_RDLCK).map(drop)
    }

    pub(super) fn is_wanted(file: &File) -> bool {
        fcntl(file, F_GETLEASE, 0).is_ok_and(|kind| kind != libc::F_RDLCK)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::{fs::File, io};

    pub(super) fn take(_: &File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn is_wanted(_: &File) -> bool {
        false
    }
}
