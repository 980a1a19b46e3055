// What the operating system says to a process: stop, stop at once, read your configuration again. It translates; what
// follows is decided elsewhere.

import { isatty } from 'node:tty'

/** `process`, or a test's stand-in. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown
}

export interface SignalActions {
  /** The first SIGTERM or SIGINT. */
  stop(signal: NodeJS.Signals): void
  /** Every later one. */
  stopNow(signal: NodeJS.Signals): void
  /** SIGHUP. Without a listener Node would end the process, so there is always one. */
  reload(): void
}

/** Listens until the returned function is called. */
export function onSignals(source: SignalSource, actions: SignalActions): () => void {
  let isStopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (isStopping) return actions.stopNow(signal)
    isStopping = true
    actions.stop(signal)
  }
  const reload = (): void => { actions.reload() }
  source.on('SIGTERM', stop)
  source.on('SIGINT', stop)
  source.on('SIGHUP', reload)
  return () => {
    source.off('SIGTERM', stop)
    source.off('SIGINT', stop)
    source.off('SIGHUP', reload)
  }
}

/** Whether a person started this process and waits for it: then nobody routes to it, and leaving needs no delay. */
export function isFromTerminal(): boolean {
  return isatty(0) || isatty(1)
}
