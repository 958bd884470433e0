import { createRouter, createWebHistory } from 'vue-router'
import { session } from './api/session'

export const router = createRouter({
  history: createWebHistory('/console/'),
  routes: [
    { path: '/', name: 'home', component: () => import('./views/Home.vue'), meta: { title: '首页' } },
    { path: '/sign-in', name: 'sign-in', component: () => import('./views/SignIn.vue'), meta: { open: true, title: '登录' } },
    { path: '/coverage', name: 'coverage', component: () => import('./views/Coverage.vue'), meta: { title: '覆盖情况' } },
    { path: '/wall', name: 'wall', component: () => import('./views/Wall.vue'), meta: { title: '大屏', bare: true } },
    { path: '/households', name: 'households', component: () => import('./views/Households.vue'), meta: { title: '联系户' } },
    { path: '/proposals', name: 'proposals', component: () => import('./views/Proposals.vue'), meta: { title: '安排联系' } },
    { path: '/papers', name: 'papers', component: () => import('./views/Papers.vue'), meta: { title: '打印' } },
    { path: '/people', name: 'people', component: () => import('./views/People.vue'), meta: { title: '人员' } },
    { path: '/import', name: 'import', component: () => import('./views/Imports.vue'), meta: { title: '导入名册' } },
    { path: '/messages', name: 'messages', component: () => import('./views/Messages.vue'), meta: { title: '消息' } },
    { path: '/feedback', name: 'feedback', component: () => import('./views/Feedback.vue'), meta: { title: '意见反馈' } },
    { path: '/:any(.*)*', name: 'lost', component: () => import('./views/Lost.vue'), meta: { title: '没有这个页面' } },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})

router.beforeEach((to) => {
  if (!to.meta.open && !session.token) return signIn(to.fullPath)
  if (to.name === 'sign-in' && session.token) return afterSignIn(to.query.next)
  return true
})
router.afterEach((to, from) => {
  document.title = `${String(to.meta.title)} · 联户`
  // A new page begins at its top, also for those who go by keyboard; a changed filter leaves them where they are.
  if (from.name && to.path !== from.path) document.getElementById('top')?.focus()
})

function signIn(next: string) {
  return { name: 'sign-in', query: next === '/' ? {} : { next } }
}

/** The page somebody wanted before signing in; only ever one of ours. */
export function afterSignIn(next: unknown): string {
  return typeof next === 'string' && next.startsWith('/') && !next.startsWith('//') ? next : '/'
}

/** The session is over: sign in, and come back to where one was. */
export async function leaveForSignIn(): Promise<void> {
  // The server may refuse before the first page is there, and until then the router knows no address.
  await router.isReady()
  const here = router.currentRoute.value
  if (!here.meta.open) await router.replace(signIn(here.fullPath))
}
