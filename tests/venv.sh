#!/bin/sh
# venv.sh DIRECTORY REQUIREMENTS: an environment with what the file asks for, made again only when the file has changed.
set -eu
directory=$1
requirements=$2
python=${PYTHON:-python3}
if [ -f "$directory/.requirements" ] && cmp -s "$requirements" "$directory/.requirements" && "$directory/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
# Not --clear: it also empties the folder through a link.
rm -rf "$directory"
"$python" -m venv "$directory"
"$directory/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off -r "$requirements"
cp "$requirements" "$directory/.requirements"
