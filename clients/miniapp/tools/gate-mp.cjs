// The gate of the built mini-program: WeChat's own compilers from npm accept every page, the package is small enough,
// and no address in it is one that a phone cannot or must not reach. Needs no DevTools and no key.
//
//   node tools/gate-mp.cjs FOLDER [--release]
//
// With --release the address of the server has to be there (VITE_API_BASE), https and not of this machine.
const fs = require('node:fs')
const path = require('node:path')
const compiler = require('miniprogram-compiler')

const [folder, ...flags] = process.argv.slice(2)
if (!folder || !fs.existsSync(path.join(folder, 'app.json'))) {
  console.error('gate: no built mini-program there; run `npm run build:mp-weixin` first')
  process.exit(2)
}
const root = path.resolve(folder)
const isRelease = flags.includes('--release')
const BUDGET = 1.5 * 1024 * 1024 // WeChat's own limit is 2 MB.
const LOOPBACK = /https?:\/\/(127\.|localhost|0\.0\.0\.0|\[::1\])/
const bad = []

// Looked at first: with a wrong address nothing else is worth the time.
if (isRelease) {
  const base = process.env.VITE_API_BASE || ''
  const address = URL.canParse(base) ? new URL(base) : null
  const isHere = address !== null && /^(127\.|localhost$|0\.|\[)/.test(address.hostname)
  if (!address || address.protocol !== 'https:' || isHere) {
    console.error(`gate: VITE_API_BASE must be the https address of the township's server, it is "${base}"`)
    process.exit(1)
  }
  const isThere = fs
    .readdirSync(root, { recursive: true })
    .some((name) => name.endsWith('.js') && fs.readFileSync(path.join(root, name), 'utf8').includes(address.host))
  if (!isThere) {
    console.error(`gate: the package was built without ${address.host}; build it with the same VITE_API_BASE`)
    process.exit(1)
  }
}

const app = JSON.parse(fs.readFileSync(path.join(root, 'app.json'), 'utf8'))
const parts = app.subPackages || app.subpackages || []
const pages = [...app.pages, ...parts.flatMap((part) => part.pages.map((page) => `${part.root}/${page}`))]
for (const page of pages)
  for (const kind of ['js', 'json', 'wxml'])
    if (!fs.existsSync(path.join(root, `${page}.${kind}`))) bad.push(`${page}.${kind} is missing`)

for (const [kind, compile] of [
  ['wxml', compiler.wxmlToJs],
  ['wxss', compiler.wxssToJs],
]) {
  try {
    compile(root)
  } catch (error) {
    bad.push(`${kind}: ${error.message}`)
  }
}

const sizes = { main: 0 }
for (const part of parts) sizes[part.root] = 0
for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue
  const file = path.join(entry.parentPath, entry.name)
  const name = path.relative(root, file)
  const part = parts.find((one) => name.startsWith(one.root + path.sep))
  sizes[part ? part.root : 'main'] += fs.statSync(file).size
  if (!/\.(js|wxss|wxml|json)$/.test(name)) continue
  const text = fs.readFileSync(file, 'utf8')
  if (LOOPBACK.test(text)) bad.push(`${name} names an address of this machine`)
  if (/getLocation|chooseLocation|startLocationUpdate/.test(text) && name === 'app.json')
    bad.push('app.json asks for the position, which this program never takes')
}
for (const [name, size] of Object.entries(sizes)) {
  console.log(`${name}: ${(size / 1024).toFixed(0)} KB`)
  if (size > BUDGET) bad.push(`${name} is over the budget of 1.5 MB`)
}

if (bad.length) {
  console.error(bad.map((line) => `gate: ${line}`).join('\n'))
  process.exit(1)
}
console.log(`gate: ${pages.length} pages compiled by wcc and wcsc`)
