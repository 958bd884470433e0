import { createSSRApp } from 'vue'
import App from './App.vue'

// The name and form that uni-app asks for.
export function createApp() {
  return { app: createSSRApp(App) }
}
