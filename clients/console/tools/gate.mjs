// Fails when what a view loads at first is too large, compressed, or when the charts reach a view that has none.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const MOST_KB = 450
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))

/** The files that come with the entries of the manifest, and with all that they import at once. */
function filesOf(entries) {
  const seen = new Set()
  const files = new Set()
  const visit = (key) => {
    if (seen.has(key)) return
    seen.add(key)
    const chunk = manifest[key]
    if (!chunk) throw new Error(`${key} is not in the manifest`)
    files.add(chunk.file)
    for (const style of chunk.css ?? []) files.add(style)
    for (const next of chunk.imports ?? []) visit(next)
  }
  entries.forEach(visit)
  return files
}

const CHART = 'src/charts/Chart.vue'
const charts = [...filesOf([CHART])].filter((file) => !filesOf(['index.html']).has(file) && file.endsWith('.js'))
const chartFile = manifest[CHART].file
const views = Object.keys(manifest).filter((key) => key.startsWith('src/views/') && key.endsWith('.vue'))
const page = gzipSync(readFileSync(new URL('index.html', dist))).length
let failed = views.length === 0 || charts.length === 0
for (const view of views.sort()) {
  const hasCharts = (manifest[view].dynamicImports ?? []).includes(CHART)
  const eager = filesOf(['index.html', view])
  if (eager.has(chartFile)) {
    console.error(`${view}: the charts are not split off`)
    failed = true
  }
  const files = hasCharts ? filesOf(['index.html', view, CHART]) : eager
  const bytes = [...files].reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, dist))).length, page)
  const kb = bytes / 1024
  console.log(`${view.padEnd(28)} ${kb.toFixed(0).padStart(4)} KB gz${hasCharts ? ', charts included' : ''}`)
  if (kb > MOST_KB) {
    console.error(`${view}: more than ${MOST_KB} KB`)
    failed = true
  }
}
process.exit(failed ? 1 : 0)
