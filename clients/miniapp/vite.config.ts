import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import uni from '@dcloudio/vite-plugin-uni'
import { defineConfig, type Plugin } from 'vite'

const isWechat = process.env.UNI_PLATFORM === 'mp-weixin'

// The H5 style sheet of uni asks a CDN for pictures of page shadows: this build reaches no outside host.
const noCdn = (): Plugin => ({
  name: 'no-cdn',
  apply: 'build',
  enforce: 'post',
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle))
      if (file.type === 'asset' && file.fileName.endsWith('.css'))
        file.source = String(file.source).replace(/url\(["']?https?:\/\/[^)]*\)/g, 'none')
  },
})

// A browser keeps no package as WeChat does, so a service worker keeps the files of the H5.
const offline = (): Plugin => ({
  name: 'offline',
  apply: 'build',
  generateBundle() {
    const source = readFileSync(resolve(__dirname, 'tools/offline.js'), 'utf8')
    if (!isWechat) this.emitFile({ type: 'asset', fileName: 'offline.js', source })
  },
})

// WeChat calls the role of an element aria-role.
const wechatRoles = (): Plugin => ({
  name: 'wechat-roles',
  enforce: 'pre',
  transform: (code, id) =>
    isWechat && id.endsWith('.vue') ? { code: code.replace(/(\s:?)role=/g, '$1aria-role='), map: null } : undefined,
})

export default defineConfig({
  plugins: [wechatRoles(), uni(), noCdn(), offline()],
  build: {
    // Old phones read neither ?? nor ?.
    target: 'es2015',
    // One file, as in a package: no page may be missing when the signal is.
    ...(isWechat ? {} : { cssCodeSplit: false, rollupOptions: { output: { inlineDynamicImports: true } } }),
  },
  resolve: {
    alias: {
      '@core': resolve(__dirname, '../core'),
      '@platform': resolve(__dirname, `src/platform/${isWechat ? 'mp' : 'h5'}`),
    },
  },
})
