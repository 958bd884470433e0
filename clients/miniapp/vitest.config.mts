import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

// Of its own: vite.config.ts loads the plug-in of uni, which takes over the whole build.
const here = (path: string) => resolve(import.meta.dirname, path)

export default defineConfig({
  test: {
    projects: [
      {
        // The stores on a phone that is made of memory; `uni` and WeChat are not there.
        resolve: { alias: { '@core': here('../core'), '@platform': here('tests/store/fake') } },
        test: { name: 'store', include: ['tests/{store,pages}/*.spec.ts', 'tests/*.spec.ts'] },
      },
      // The compiled pages: wcc's output is global, so each file has a process of its own.
      { test: { name: 'mp', include: ['tests/mp/*.spec.mjs'], environment: 'jsdom', pool: 'forks' } },
    ],
  },
})
