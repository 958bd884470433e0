import { createApp } from 'vue'
import App from './App.vue'
import { resumeSession } from './api/session'
import { leaveForSignIn, router } from './router'
import './style/base.css'
import './style/figures.css'
import './style/print.css'

resumeSession(leaveForSignIn)
createApp(App).use(router).mount('#app')
