// The service worker of the H5: a phone has the program's files in its package, a browser has them only from here. The
// network comes first, so a new build is seen at once; without it the files of the last visit serve. Answers of the API
// are never kept.
const FILES = 'files'

self.addEventListener('install', (event) => event.waitUntil(keepAll()))
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.method !== 'GET' || !request.url.startsWith(self.registration.scope)) return
  event.respondWith(serve(request))
})

// The page that registered this was loaded without it, so its files are fetched once more, by the names it gives them.
async function keepAll() {
  const page = await (await fetch('./')).text()
  const names = [...page.matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map((found) => found[1])
  await (await caches.open(FILES)).addAll(['./', ...names])
  await self.skipWaiting()
}

async function serve(request) {
  const files = await caches.open(FILES)
  try {
    const answer = await fetch(request)
    if (answer.ok) await files.put(request, answer.clone())
    return answer
  } catch (error) {
    const kept = await files.match(request, { ignoreSearch: true })
    if (kept) return kept
    throw error
  }
}
