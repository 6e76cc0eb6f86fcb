//! Copies of arrays that do not lie in one piece: pictures with their channels turned around, transposed ones, every second row.
//!
//! The interpreter's own function does the same item by item, twenty times slower.

#![allow(unsafe_code, reason = "items are found by the array's own strides")]

/// Channels of a picture: too few to call a function for.
const FEW: isize = 4;

/// An array's items: those of one axis lie `strides` bytes apart.
pub(crate) struct Items<'a> {
    /// The first one.
    pub(crate) start: *const u8,
    pub(crate) size: usize,
    pub(crate) shape: &'a [isize],
    pub(crate) strides: &'a [isize],
}

impl Items<'_> {
    /// How many bytes they have together; None: more than there can be.
    pub(crate) fn len(&self) -> Option<usize> {
        self.shape.iter().try_fold(self.size, |len, &axis| {
            len.checked_mul(usize::try_from(axis).ok()?)
        })
    }

    /// Appends them in C order.
    ///
    /// # Safety
    /// All of them can be read.
    pub(crate) unsafe fn append_to(&self, to: &mut Vec<u8>) {
        let Some(len) = self.len().filter(|&len| len > 0) else {
            return;
        };
        to.reserve(len);
        // The last axes that lie in one piece are one large item.
        let mut size = self.size;
        let mut axes = self.shape.len();
        while let Some((&axis, &stride)) = axes
            .checked_sub(1)
            .and_then(|last| self.shape.get(last).zip(self.strides.get(last)))
        {
            let is_packed = usize::try_from(stride).is_ok_and(|stride| stride == size);
            if axis != 1 && !is_packed {
                break;
            }
            size *= axis.unsigned_abs();
            axes -= 1;
        }
        let shape = self.shape.get(..axes).unwrap_or_default();
        let strides = self.strides.get(..axes).unwrap_or_default();
        let place = to.spare_capacity_mut().as_mut_ptr().cast::<u8>();
        // SAFETY: the caller vouches for the items, and there is room for all of them.
        unsafe {
            axis(place, self.start, size, shape, strides);
            to.set_len(to.len() + len);
        }
    }
}

/// Copies one axis and all below it; returns the place after them.
///
/// # Safety
/// All items can be read, and there is room for them.
unsafe fn axis(
    mut to: *mut u8,
    mut from: *const u8,
    size: usize,
    shape: &[isize],
    strides: &[isize],
) -> *mut u8 {
    let (Some((&count, below)), Some((&stride, strides_below))) =
        (shape.split_first(), strides.split_first())
    else {
        // SAFETY: as the caller says.
        unsafe {
            to.copy_from_nonoverlapping(from, size);
            return to.add(size);
        }
    };
    let count = count.unsigned_abs();
    if let (1, [items], [apart]) = (size, below, strides_below)
        && *items <= FEW
    {
        // SAFETY: as the caller says.
        unsafe {
            for _ in 0..count {
                let mut item = from;
                for _ in 0..*items {
                    *to = *item;
                    to = to.add(1);
                    item = item.wrapping_offset(*apart);
                }
                from = from.wrapping_offset(stride);
            }
        }
        return to;
    }
    if !below.is_empty() {
        for _ in 0..count {
            // SAFETY: as the caller says.
            to = unsafe { axis(to, from, size, below, strides_below) };
            from = from.wrapping_offset(stride);
        }
        return to;
    }
    // SAFETY: as the caller says.
    unsafe {
        match size {
            1 => items::<u8>(to, from, count, stride),
            2 => items::<u16>(to, from, count, stride),
            4 => items::<u32>(to, from, count, stride),
            8 => items::<u64>(to, from, count, stride),
            _ => {
                for place in 0..count {
                    to.add(place * size).copy_from_nonoverlapping(from, size);
                    from = from.wrapping_offset(stride);
                }
            }
        }
        to.add(count * size)
    }
}

/// Copies `count` items of one size.
///
/// # Safety
/// As [`axis`].
unsafe fn items<T: Copy>(to: *mut u8, mut from: *const u8, count: usize, stride: isize) {
    let to = to.cast::<T>();
    for place in 0..count {
        // SAFETY: as the caller says; neither needs to be aligned.
        unsafe {
            let item = from.cast::<T>().read_unaligned();
            to.add(place).write_unaligned(item);
        }
        from = from.wrapping_offset(stride);
    }
}
