// The package as others get it: packed from a copy of the checkout, installed in an empty folder, run by its bin. The
// shared checkout is never touched.

import { execFile } from 'node:child_process'
import {
  appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import type { Test } from 'tap'
import { ask } from '../support/asking.ts'
import { freePorts } from '../support/free-port.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { asUsersDo, isReady, root, Running, temporaryFolder } from '../support/seawall.ts'

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** What is run finds the Node that the checkout pins, whatever the machine has. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` }

function run(command: string, args: readonly string[], cwd: string): Promise<{ stdout: string; stderr: string }> {
  const [shell, ...before] = asUsersDo
  return promisify(execFile)(shell, [...before, command, ...args], { cwd, env, timeout: 60_000 })
}

/** Made anew, or not part of what is packed. */
const leftOut = new Set(['node_modules', '.git', 'dist', 'data', '.tap', 'coverage', 'bench', 'test'])

/** A checkout of its own, with the modules of this one. */
function copyOfCheckout(t: Test): string {
  const copy = join(temporaryFolder(t), 'checkout')
  mkdirSync(copy)
  for (const name of readdirSync(root)) {
    if (!leftOut.has(name)) cpSync(join(root, name), join(copy, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

const manifestOf = (folder: string): string => readFileSync(join(folder, 'package.json'), 'utf8')

/** Installs as a user does. Without a registry at hand the modules come from the checkout: only those it declares. */
async function install(t: Test, tarball: string): Promise<string> {
  const folder = temporaryFolder(t)
  try {
    const options = ['--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=0']
    await run('npm', ['install', ...options, tarball], folder)
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    if (!/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|ENOTCACHED/.test(stderr)) throw error
    t.comment('no registry at hand: installed by hand')
    await installByHand(folder, tarball)
  }
  return folder
}

async function installByHand(folder: string, tarball: string): Promise<void> {
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  await run('tar', ['xzf', tarball], modules)
  renameSync(join(modules, 'package'), join(modules, 'seawall'))
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>
  }
  for (const [path, { dev, optional }] of Object.entries(packages)) {
    const isNested = path.includes('/node_modules/')
    if (!path.startsWith('node_modules/') || isNested || dev === true || optional === true) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    symlinkSync(join(root, path), join(folder, path))
  }
  symlinkSync('../seawall/dist/proxy/seawall.mjs', join(modules, '.bin/seawall'))
}

test('packed, installed and run by its bin it answers', { timeout: 120_000 }, async (t) => {
  const copy = copyOfCheckout(t)
  const before = manifestOf(copy)
  const { stdout } = await run('npm', ['pack', '--json'], copy)
  const [{ filename, files }] = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as [
    { filename: string; files: { path: string }[] },
  ]
  t.equal(manifestOf(copy), before, 'the manifest of the checkout is as it was')
  t.notOk(existsSync(join(copy, 'package.json.packing')))
  const strangers = files.map(({ path }) => path).filter((path) =>
    !/^(?:dist\/proxy\/[a-z0-9/.-]+\.m?js|config\/schema\.json|README\.md|LICENSE|NOTICE|package\.json)$/.test(path)
    || /test|fixture|bench|conformance/.test(path))
  t.strictSame(strangers, [], 'only what is needed to run is in it')

  const folder = await install(t, join(copy, filename))
  const published = JSON.parse(manifestOf(join(folder, 'node_modules/seawall'))) as Record<string, object | undefined>
  t.notMatch(JSON.stringify(published), /node-linux/, 'it brings no Node')
  for (const key of ['devDependencies', 'optionalDependencies', 'scripts', 'private']) t.notOk(published[key], key)
  const original = JSON.parse(before) as Record<string, object>
  for (const key of ['name', 'version', 'engines', 'bin', 'dependencies']) {
    t.strictSame(published[key], original[key], key)
  }
  const installed = readdirSync(join(folder, 'node_modules'))
  t.strictSame(installed.filter((name) => /^node-linux|^tap$|^typescript$/.test(name)), [])

  const origin = await rawOrigin(t, () => ok)
  const [listen, admin] = await freePorts(2)
  const seawall = new Running(join(folder, 'node_modules/.bin/seawall'),
    ['run', '--upstream', origin.url, '--listen', `127.0.0.1:${listen}`, '--admin', `127.0.0.1:${admin}`],
    { cwd: folder, env })
  t.teardown(() => seawall.stop('SIGKILL'))
  await seawall.until(isReady)
  t.equal((await ask(listen as number, '/')).body, 'ok')
  t.equal((await ask(admin as number, '/readyz')).status, 200)
  const status = JSON.parse((await ask(admin as number, '/admin/status')).body) as { node: string; version: string }
  t.equal(status.node, process.version, 'under the Node of this checkout')
  t.equal(status.version, (original as unknown as { version: string }).version)
  seawall.child.kill('SIGTERM')
  seawall.child.kill('SIGTERM')
  t.equal((await seawall.finished).code, 0)
})

test('a pack that fails leaves the manifest as it was', { timeout: 120_000 }, async (t) => {
  const copy = copyOfCheckout(t)
  const before = manifestOf(copy)
  appendFileSync(join(copy, 'proxy/main.ts'), 'export const number: string = 1\n')
  const failure = await run('npm', ['pack'], copy).then(() => null, (error: unknown) => error as { stdout: string })
  t.match(failure?.stdout, /proxy\/main\.ts/)
  t.equal(manifestOf(copy), before)
  t.notOk(existsSync(join(copy, 'package.json.packing')))
})

test('a pack that was cut short in its middle is taken back', { timeout: 120_000 }, async (t) => {
  const copy = copyOfCheckout(t)
  const before = manifestOf(copy)
  const pack = (step: string): Promise<unknown> =>
    run(process.execPath, ['scripts/pack.mjs', step], copy)
  await pack('build')
  t.not(manifestOf(copy), before, 'this is the middle')
  await pack('build')
  t.equal(readFileSync(join(copy, 'package.json.packing'), 'utf8'), before, 'a second try does not lose it')
  await pack('restore')
  t.equal(manifestOf(copy), before)
  await pack('restore')
  t.equal(manifestOf(copy), before, 'once is enough')
})
