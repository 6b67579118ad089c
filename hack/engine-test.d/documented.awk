# Prints the block of docs/engines.md that stands below the line that names its file: awk -v file=/etc/x -f this.
index($0, "`" file "`") == 1 { wanted = 1 }
wanted && /^```/ { if (inside) exit; inside = 1; next }
inside
