// Help texts, at most 25 lines each and with one example; the verbs that read a configuration have theirs beside them.

export const usage = `usage: seawall VERB [options]

  run       start: --config FILE, or --upstream URL for one service and every default
  validate  check a configuration; every fault at once, with its place and a fix
  schema    print the JSON Schema of the configuration
  explain   which route takes a request, and every value in force with its origin
  drain     let a running instance leave: it refuses new work and finishes the old
  reload    let a running instance read its configuration again
  status    what a running instance is doing

  --help     print this text; "seawall VERB --help" says more of one verb
  --version  print the version

exit: 0 ok, 1 failed, 2 usage, 3 invalid configuration, 4 admin listener not reachable

example:
  node proxy/seawall.mjs run --upstream http://127.0.0.1:3000
`

export const runHelp = `usage: seawall run --config FILE [--admin HOST:PORT] [--observe]
       seawall run --upstream URL [--listen HOST:PORT] [--admin HOST:PORT] [--observe]

Starts the proxy and says where it listens; it is ready when it has said so. SIGTERM
or SIGINT drains and ends it, a second one ends it at once.

  --config FILE       the configuration
  --upstream URL      without a file: one route to this service, with every default
  --listen HOST:PORT  where callers reach it (with --upstream; 127.0.0.1:8080)
  --admin HOST:PORT   the admin listener (127.0.0.1:9900)
  --observe           only count what would be refused, whatever the file says
  --help              print this text

exit: 0 ended well, 1 ended badly, 2 usage, 3 invalid configuration

example:
  node proxy/seawall.mjs run --upstream http://127.0.0.1:3000
`

const adminOptions = `  --admin WHERE      HOST:PORT, http://HOST:PORT or unix:PATH (127.0.0.1:9900)
  --token-file PATH  the token of admin.token; or SEAWALL_ADMIN_TOKEN
  --json             print JSON
  --help             print this text`

const exits = 'exit: 0 ok, 1 failed, 2 usage, 4 admin listener not reachable'

export const drainHelp = `usage: seawall drain [--wait] [--admin WHERE]

Lets a running instance leave: not ready at once, refusing new work after its drain
delay, gone when nothing is in flight or its drain timeout is over.

  --wait             wait until it is gone; its own exit code says whether it ended well
${adminOptions}

${exits}

example:
  node proxy/seawall.mjs drain --wait
`

export const reloadHelp = `usage: seawall reload [--admin WHERE]

Lets a running instance read its configuration again. A file that is not valid changes
nothing, and its faults are printed.

${adminOptions}

${exits}, 3 the file is not valid

example:
  node proxy/seawall.mjs reload
`

export const statusHelp = `usage: seawall status [--admin WHERE]

What a running instance is doing: phase, mode, configuration, listeners, and what is in
flight and waiting for every upstream.

${adminOptions}

${exits}

example:
  node proxy/seawall.mjs status --json
`
