"""Where a run through `wandbd` may differ from one through `wandb`, and why. What no longer differs has to be removed here.

`script` and `field` are patterns in the manner of file names; parts of a field are divided by `|`.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Allowed:
    """One difference that is meant."""

    script: str
    field: str
    reason: str

    def covers(self, script: str, field: str) -> bool:
        """Whether it is about this field of this script."""
        return fnmatchcase(script, self.script) and fnmatchcase(field, self.field)


_EXACT = "integers outside of 64 bits keep their digits; the released client rounds them to a float"
_STEP = "`run.step` of a continued run is the number that its next row gets; the released client says 0 until the first row"
_OVERSIZE = "an oversized value costs that value alone; the released client drops the row and sends no summary any more"
_TERMINAL = "backspaces and erasing do what they do on a terminal; the released client shows them as signs"
_SYNCED = "an offline run keeps the name of its program; the released tool names itself"
_LEAVE = "`allow_val_change` of init lets values change later, as its documentation says; the released client forgets it"
_FINITE = "the config is plain JSON everywhere; the released client sends a bare Infinity inside of lists, which is none"
_KILLED = "a run whose process is killed keeps its rows and ends as failed; the released client loses them and leaves the run open"

_SAID = "the released client says this by `logging`, which goes to the console; wandbd says it as lines of its own, or not at all"
_NAMED = "a file is named by the row in which it stands; the released client takes the step before, or the first row of the object"
_LISTS = "lists of numbers are taken as well"
_UNSEEN = "files are not read in the call: what is no picture is uploaded as it is"
_HERE = "what a table holds in its row is what its file holds; the released client counts rows that were added since"

ALLOWED: tuple[Allowed, ...] = (
    Allowed("07_folders", "runs|c07b|files|wandb-metadata.json|root", "the folder is given as an absolute path"),
    Allowed("08_attributes", "said|step after*", "the step can be read after the end; the released client times out"),
    Allowed("11_resume_allow", "said|second|1", _STEP),
    Allowed("11_resume_allow", "said|third|1", _STEP),
    Allowed("12_resume_must", "said|resumed|1", _STEP),
    Allowed("14_resume_auto", "said|part 2|1", _STEP),
    Allowed("17_rewind", "said|rewound|1", _STEP),
    Allowed("18_fork", "said|forked|1", _STEP),
    Allowed("20_offline_and_sync", "runs|c20|program", _SYNCED),
    Allowed("21_offline_by_environment", "runs|c21|program", _SYNCED),
    Allowed("99_offline_segments", "runs|c99|program", _SYNCED),
    Allowed(
        "99_offline_segments", "*|of part 0", "segments become one run, the summary included; the released tool forgets the first one's"
    ),
    Allowed("29_tensorboard", "*|picture|filenames|0", "pictures are named as everywhere; the released client takes random names"),
    Allowed("29_tensorboard", "runs|c29|files|media/images/*", "see above"),
    Allowed("29_tensorboard", "runs|c29|files|logs/*", "an event file is named from the common folder of all, as its metrics are"),
    Allowed("29_tensorboard", "runs|c29|files|events.out.tfevents.*", "an event file has its time in its name and in its content"),
    Allowed("33_not_a_number", "said|read of one's own*", "the summary can be read although a value is NaN"),
    Allowed("33_not_a_number", "*|own", "a NaN that the user writes to the summary stays; the released client loses it"),
    Allowed("33_not_a_number", "*config|inf|[01]", _FINITE),
    Allowed("34_numbers", "*|under", _EXACT),
    Allowed("34_numbers", "*|huge", _EXACT),
    Allowed("36_numpy", "*|u64", _EXACT),
    Allowed("36_numpy", "said|many with nan*", "a histogram leaves out what is not finite; the released client raises"),
    Allowed("36_numpy", "*|many with nan", "see above"),
    Allowed("36_numpy", "*|_step", "the row that the released client refuses (above) is one more"),
    Allowed("36_numpy", "runs|c36|history", "the row that the released client refuses (above) is one more"),
    Allowed("38_jax", "*config|lr", "a JAX scalar in the config is a number; the released client makes a text of it"),
    Allowed("42_oversize_value", "runs|c42|summary|*", _OVERSIZE),
    Allowed("42_oversize_value", "runs|c42|history*", _OVERSIZE),
    Allowed("42_oversize_value", "*|huge", _OVERSIZE),
    Allowed("56_summary_writes", "said|nested*", "a nested write keeps its neighbours; the released client forgets them"),
    Allowed("56_summary_writes", "*|deep|x|y", "a nested write keeps its neighbours; the released client forgets them"),
    Allowed("65_config_may_change", "said|*", _LEAVE),
    Allowed("65_config_may_change", "*config|deep|[xyz]", _LEAVE),
    Allowed("72_console_cursor", "runs|c72|console|*", _TERMINAL),
    Allowed("72_console_cursor", "runs|c72|files|output.log", _TERMINAL),
    Allowed("73_write_logs", "runs|c73|files|output.log", "lines of write_logs are in the file, too"),
    Allowed("77_progress_bars", "runs|c77|console|*", _TERMINAL),
    Allowed("77_progress_bars", "runs|c77|files|output.log", _TERMINAL),
    Allowed("83_code_in_git", "*repo", "user names in the address of a remote go with the password; the released client leaves `user:@`"),
    Allowed("83_code_in_git", "*|git|remote", "user names in the address of a remote go with the password"),
    Allowed(
        "86_restore",
        "said|missing|refused",
        "a file that is not there is a ValueError, as documented, also where the server says so by an error",
    ),
    Allowed("91_exit_codes", "runs|c91-true*", "sys.exit(True) is exit code 1; the released client dies of it and leaves the run open"),
    Allowed("95_terminated", "runs|c95-*", _KILLED),
    Allowed(
        "103_artifact_references", "said|target", "the target of a reference is its address; the released client names a place in its cache"
    ),
    Allowed(
        "103_artifact_references",
        "said|a reference that has changed",
        "a reference that has changed is an error; the released client takes a copy that its cache happens to have",
    ),
    Allowed("115_artifact_offline", "runs|c115|program", _SYNCED),
    Allowed("117_artifact_save", "*|wandb-metadata.json|email", "settings given to `save` leave the account's address as it is"),
    Allowed("131_image_lists", "runs|c131|console*", _SAID),
    Allowed("131_image_lists", "runs|c131|files|output.log", _SAID),
    Allowed("133_image_files", "*|of image|caption", "a caption that is given wins over that of the picture"),
    Allowed("134_images_refused", "said|a list", _LISTS),
    Allowed("134_images_refused", "said|a number|refused|0", "a number is a TypeError; the released client trips over its attributes"),
    Allowed("134_images_refused", "said|text", _UNSEEN),
    Allowed("135_media_places", "*|first|path", _NAMED),
    Allowed("135_media_places", "*|second|path", _NAMED),
    Allowed("135_media_places", "*|stepped|path", _NAMED),
    Allowed("135_media_places", "runs|c135|files|media/images/*", _NAMED),
    Allowed("135_media_places", "*|best/picture|*", "rules for the summary are for numbers; the released client makes numbers of texts"),
    Allowed("136_histograms", "runs|c136|console*", "numpy's warning on bool arrays: here nobody waits for numpy"),
    Allowed("136_histograms", "runs|c136|files|output.log", "numpy's warning on bool arrays: here nobody waits for numpy"),
    Allowed("138_video", "runs|c138|console*", _SAID),
    Allowed("138_video", "runs|c138|files|output.log", _SAID),
    Allowed("140_object3d", "said|a list", _LISTS),
    Allowed("148_table_modes", "*|fixed|nrows", _HERE),
    Allowed("148_table_modes", "*|fixed|path", _NAMED),
    Allowed("148_table_modes", "runs|c148|files|media/table/fixed*", _NAMED),
    Allowed(
        "149_table_columns", "runs|c149|artifacts|run-c149-linked:v0|*", "a table that another one points to is a copy, not a reference"
    ),
    Allowed("98_exit_in_the_block", "runs|c98|console*", "the traceback of the released client shows its own hook in between"),
    Allowed("98_exit_in_the_block", "runs|c98|files|output.log", "the traceback of the released client shows its own hook in between"),
)
"""Differences on purpose."""

_TOOL = "the released tool names itself as the program"

SYNCED_BY_THEIRS: tuple[Allowed, ...] = (
    Allowed("*", "*|wandb-metadata.json|email", "the account's address is asked for at delivery, and no journal holds it"),
    Allowed("*", "*|program", _TOOL),
    Allowed("11_resume_allow", "*|kept", "the released tool forgets the summary of the first part"),
    Allowed("17_rewind", "c17|history", "the released tool does not rewind"),
    Allowed("17_rewind", "*config|a", "the released tool does not rewind, nor inherit the config"),
    Allowed("24_shared_mode", "c24|*", "the released tool knows no shared mode"),
    Allowed("34_numbers", "*|under", _EXACT),
    Allowed("34_numbers", "*|huge", _EXACT),
    Allowed("36_numpy", "*|u64", _EXACT),
    Allowed("72_console_cursor", "c72|*", _TERMINAL),
    Allowed("77_progress_bars", "c77|*", _TERMINAL),
    Allowed("75_console_multipart", "c75|files|*", "several files are a setting of the process, which the released tool does not see"),
    Allowed("83_code_in_git", "*repo", "git is looked at after the opening; the released tool takes it from the first record"),
    Allowed("83_code_in_git", "*commit", "git is looked at after the opening; the released tool takes it from the first record"),
    Allowed("99_offline_segments", "*|of part 0", "the released tool forgets the summary of the first part"),
    Allowed("82_ignored_files", "c82|files|*", "what to ignore is a setting of the process, which the released tool does not see"),
    Allowed("86_restore", "c86a|files|kept.txt", "the script has removed the file since"),
    Allowed("*", "*artifacts|*", "the snapshots of an artifact's files, and what was made for it, are gone once it is delivered"),
)
"""Where a run that the real `wandb sync` made of our journal differs from the one that wandbd has sent."""

SYNCED_BY_BOTH: tuple[Allowed, ...] = (
    Allowed("*", "*|program", _TOOL),
    Allowed("42_oversize_value", "c42|*", _OVERSIZE),
    Allowed("56_summary_writes", "*|deep|x|y", "a nested write keeps its neighbours; the released tool forgets them"),
    Allowed("72_console_cursor", "c72|*", _TERMINAL),
    Allowed("77_progress_bars", "c77|*", _TERMINAL),
)
"""Where a run that `wandbd sync` made of an offline run of theirs differs from the one that `wandb sync` made of it."""
