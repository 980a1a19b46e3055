// What the reading verbs print for --help: at most 25 lines each, with one example that runs as printed in the
// checkout.

export const validateHelp = `usage: seawall validate FILE [--json]

Checks a configuration: syntax, schema, and whether its parts fit together.
Every fault is shown at once, each with its place, a code and a fix.

  --json   print the faults as JSON
  --help   print this text

exit: 0 valid (warnings or not), 2 usage, 3 invalid
NO_COLOR turns colours off.

example:
  node proxy/seawall.mjs validate config/charge.json
`

export const schemaHelp = `usage: seawall schema

Prints the JSON Schema of the configuration. Editors complete and check with it
when the file says "$schema": "./schema.json".

example:
  node proxy/seawall.mjs schema
`

export const explainHelp = `usage: seawall explain --config FILE METHOD PATH [options]
       seawall explain --config FILE --timeouts

Shows which route takes a request, every effective value with where it came
from, and the worst case in attempts and time. Values from the environment or
from files are shown as ***.

  --listener NAME  the listener it arrives at (default: the only ingress)
  --host HOST      the host it asks for
  --timeouts       print the map of all timeouts instead
  --json           print JSON
  --help           print this text

exit: 0 ok, 1 no route takes it, 2 usage, 3 invalid configuration

example:
  node proxy/seawall.mjs explain --config config/charge.json POST /charge
`
