/** The figures of the place, period and metric that the address names: shared by the coverage page and the wall. */
import { computed, ref } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { get } from '../api/client'
import { useLoad } from '../api/load'
import { session } from '../api/session'
import { loadPlaces, type ViewerPlace } from '../api/shared'
import { filterQuery, levelBelow, parseFilters, withChange, type Filters } from '../pure/filters'
import { isRunning, kindOf, today } from '../pure/periods'

export function useFigures() {
  const route = useRoute()
  const router = useRouter()
  const day = ref(today())
  const month = computed(() => day.value.slice(0, 7))
  const filters = computed(() => parseFilters(route.query, month.value))
  const places = useLoad(() => session.me?.account_id ?? null, loadPlaces)
  const home = computed<ViewerPlace | null>(() => places.data.value?.find((one) => one.own) ?? null)

  /** What is asked for: the place of the address, or else the viewer's own. */
  const place = computed(() => filters.value.place ?? (home.value && { kind: home.value.kind, id: home.value.id }))
  const known = computed(() => places.data.value?.find((one) => one.id === place.value?.id) ?? null)
  const level = computed(() => filters.value.level ?? levelBelow(known.value?.level ?? 'township'))
  const asPlace = computed(() => (place.value?.kind === 'branch' ? { branch: place.value.id } : { area: place.value?.id ?? '' }))
  const ready = computed(() => places.data.value !== null && place.value !== null)

  const asked = computed(() => ({ ...asPlace.value, period: filters.value.period, level: level.value }))
  const coverage = useLoad(
    () => (ready.value ? asked.value : null),
    (query, signal) => get('/api/v1/coverage', query, { signal }),
  )
  /** A part of a period is not compared with the whole of another: it would look like a fall. */
  const running = computed(() => isRunning(filters.value.period, day.value))
  const comparison = useLoad(
    () => (ready.value && !running.value ? asked.value : null),
    (query, signal) => get('/api/v1/coverage/comparison', query, { signal }),
  )
  const series = useLoad(
    () => {
      if (!ready.value) return null
      const { metric, period } = filters.value
      const counts = { month: 13, quarter: 5, year: 2 }
      return { ...asPlace.value, metric, until: period, kind: kindOf(period), count: counts[kindOf(period) ?? 'month'], level: level.value }
    },
    (query, signal) => get('/api/v1/coverage/series', query, { signal }),
  )
  const placeShown = computed(() => {
    const area = coverage.data.value?.area
    return { id: place.value?.id ?? '', name: known.value?.name ?? area?.name ?? '', level: known.value?.level ?? area?.level ?? 'township' }
  })

  function change(part: Partial<Filters>): void {
    const { over } = route.query
    void router.push({ query: { ...filterQuery(withChange(filters.value, part), month.value), over } })
  }

  /** Ask again, on what may have become another day; what is shown stays until the answer comes. */
  async function refresh(): Promise<void> {
    day.value = today()
    await Promise.all([coverage.reload(), series.reload(), comparison.reload()])
  }

  return { refresh, day, running, filters, places, home, place, placeShown, level, asPlace, coverage, comparison, series, change }
}
