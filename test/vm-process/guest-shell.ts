/** The guest runs each line it is typed and says how it ended. */
export const SHELL = `#!/bin/sh
stty -echo
echo "dda-test: ready"
while read -r line; do
  eval "$line" 2>&1
  echo "dda-test: exit $?"
done
`;
