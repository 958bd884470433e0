/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** The server without /api/v1; empty: the origin of the page. */
  readonly VITE_API_BASE?: string
  readonly VITE_VERSION?: string
}

declare module '*.vue' {
  import type { DefineComponent } from 'vue'
  const component: DefineComponent<object, object, unknown>
  export default component
}
