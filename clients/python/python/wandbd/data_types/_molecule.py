"""`Molecule`: a molecule from a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

from wandbd._errors import Error
from wandbd.data_types._files import Content, UserFile
from wandbd.data_types._media import BatchableMedia, Sender

_NO_RDKIT = 'wandb.Molecule needs the rdkit package. To get it, run "pip install rdkit".'


class Molecule(BatchableMedia):
    """A molecule."""

    SUPPORTED_TYPES: ClassVar[set[str]] = {"pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf"}
    SUPPORTED_RDKIT_TYPES: ClassVar[set[str]] = {"mol", "sdf"}
    _log_type = "molecule-file"
    _dir = "molecule"

    def __init__(self, data_or_path: Any, caption: str | None = None, **kwargs: str) -> None:
        """Take a molecule.

        Args:
            data_or_path: The path of a file, or a file object.
            caption: Shown with it.
            **kwargs: `file_type` of a file object without a name.

        Raises:
            ValueError: The type is unknown or missing.
            OSError: There is no such file.
        """
        super().__init__(caption=caption)
        if hasattr(data_or_path, "name") and not isinstance(data_or_path, os.PathLike):
            data_or_path = data_or_path.name
        self._source: UserFile | Content
        if hasattr(data_or_path, "read"):
            if hasattr(data_or_path, "seek"):
                data_or_path.seek(0)
            kind = kwargs.get("file_type")
            if kind is None:
                raise ValueError("Must pass file_type keyword argument when using io objects.")
            if kind not in self.SUPPORTED_TYPES:
                raise ValueError("Molecule 3D only supports files of the type: " + ", ".join(self.SUPPORTED_TYPES))
            self._extension = f".{kind}"
            self._source = Content(data_or_path.read())
        elif isinstance(data_or_path, (str, os.PathLike)):
            self._path = os.fspath(data_or_path)
            self._extension = os.path.splitext(self._path)[1]
            if self._extension[1:] not in self.SUPPORTED_TYPES:
                raise ValueError("Molecule only supports files of the type: " + ", ".join(self.SUPPORTED_TYPES))
            self._source = UserFile(self._path)
        else:
            raise ValueError("Data must be file name or a file object")

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """A molecule of RDKit, or of a file that it reads.

        Args:
            data_or_path: The molecule, or the path of a `.mol` or `.sdf` file.
            caption: Shown with it.
            convert_to_3d_and_optimize: Whether to find places for its atoms.
            mmff_optimize_molecule_max_iterations: How long to look for better ones.

        Raises:
            Error: RDKit is not there.
            ValueError: The file is of another type.
        """
        try:
            from rdkit import Chem
            from rdkit.Chem import AllChem
        except ImportError:
            raise Error(_NO_RDKIT) from None
        if isinstance(data_or_path, str):
            kind = os.path.splitext(data_or_path)[1][1:]
            if kind not in cls.SUPPORTED_RDKIT_TYPES:
                raise ValueError(
                    "Molecule.from_rdkit only supports files of the type: " + ", ".join(cls.SUPPORTED_RDKIT_TYPES)
                )
            if kind == "sdf":
                with Chem.SDMolSupplier(data_or_path) as supplier:
                    molecule = next(supplier)
            else:
                molecule = Chem.MolFromMolFile(data_or_path)
        elif isinstance(data_or_path, Chem.rdchem.Mol):
            molecule = data_or_path
        else:
            raise TypeError("Data must be file name or an rdkit.Chem.rdchem.Mol object")
        if convert_to_3d_and_optimize:
            molecule = Chem.AddHs(molecule)
            AllChem.EmbedMolecule(molecule)
            AllChem.MMFFOptimizeMolecule(molecule, maxIters=mmff_optimize_molecule_max_iterations)
        from io import StringIO

        return cls(StringIO(Chem.rdmolfiles.MolToPDBBlock(molecule)), caption=caption, file_type="pdb")

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """A molecule from its SMILES text; see `from_rdkit`.

        Raises:
            Error: RDKit is not there.
            ValueError: The text cannot be read.
        """
        try:
            from rdkit import Chem
        except ImportError:
            raise Error(_NO_RDKIT) from None
        molecule = Chem.MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise ValueError("Unable to parse the SMILES string.")
        return cls.from_rdkit(molecule, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations)

    def _content(self, id: str, to: Sender) -> dict[str, Any]:
        return {"dir": self._dir, "extension": self._extension, **self._source.fields(id)}

    @classmethod
    def _list_in_row(cls, items: Sequence[Molecule], to: Sender) -> dict[str, Any]:
        return {
            "_type": "molecule",
            "filenames": [item._place(to, "path") for item in items],
            "count": len(items),
            "captions": cls.captions(items),
        }
