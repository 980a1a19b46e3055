// Which versions of Node this runs on, as a pure function: plain JavaScript of the oldest kind, because it must be able
// to say no on a Node that knows nothing newer. The floor is where security releases that matter to a proxy are in.

/** Lowest version of each line that is served; lines between them have no such release. */
var floors = [[22, 23, 2], [24, 18, 1], [26, 5, 1]]

/** Null when `version` ("24.18.1") will do, else one line that says what, found, needed, and what to do. */
export function versionFault(version) {
  var parts = String(version).replace(/^v/, '').split('-')[0].split('.').map(Number)
  var last = floors[floors.length - 1]
  if (parts[0] > last[0]) return null
  for (var i = 0; i < floors.length; i++) {
    if (parts[0] === floors[i][0] && !isBelow(parts, floors[i])) return null
  }
  return 'seawall: Node ' + version + ' is not supported: needs 22.23.2, 24.18.1 or 26.5.1, or a newer release of '
    + 'these lines, or a line above (earlier ones have known flaws in HTTP parsing). Install a supported Node, or say '
    + '"npx node proxy/seawall.mjs" in the checkout: it brings its own.'
}

/** Null, or why the runtime's HTTP parser is not to be trusted. */
export function parserFault(execArgv, nodeOptions) {
  var flags = execArgv.concat(String(nodeOptions || '').split(/\s+/))
  for (var i = 0; i < flags.length; i++) {
    if (flags[i].replace(/_/g, '-').indexOf('--insecure-http-parser') >= 0) {
      return 'seawall: refuses to start with --insecure-http-parser (command line or NODE_OPTIONS): it accepts '
        + 'messages that two readers take for different requests. Remove the flag.'
    }
  }
  return null
}

function isBelow(parts, floor) {
  for (var i = 0; i < 3; i++) {
    if (parts[i] !== floor[i]) return parts[i] < floor[i]
  }
  return false
}
