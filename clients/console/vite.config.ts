import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import Components from 'unplugin-vue-components/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import { defineConfig } from 'vite'

/** Where the API answers while one works on the console; the built files are served by the API's own origin. */
const proxy = { '/api': process.env.API ?? 'http://127.0.0.1:8000' }

/** What the server that carries the built files allows them, so that a preview shows a breach at once. */
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"

export default defineConfig({
  base: '/console/',
  plugins: [vue(), Components({ resolvers: [ElementPlusResolver()], dirs: [], dts: false })],
  resolve: { alias: { '@core': fileURLToPath(new URL('../core', import.meta.url)) } },
  // The size gate follows the manifest from each view to all that it loads.
  build: { manifest: true, chunkSizeWarningLimit: 600, target: ['chrome87', 'firefox78', 'safari14'] },
  server: { proxy },
  preview: { proxy, headers: { 'Content-Security-Policy': POLICY } },
})
