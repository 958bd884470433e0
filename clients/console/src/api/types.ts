/** Short names for the answers of the API, generated from its OpenAPI document. */
import type { components, paths } from '@core/schema'

type Schemas = components['schemas']
export type { paths }
export type Area = Schemas['AreaOut']
export type Behind = Schemas['BehindOut']
export type BehindRow = Schemas['BehindRow']
export type Branch = Schemas['BranchRow']
export type CodeRow = Schemas['CodeRow']
export type Codes = Schemas['CodesOut']
export type Compared = Schemas['ComparedOut']
export type Comparison = Schemas['ComparisonOut']
export type Coverage = Schemas['CoverageOut']
export type CoverageRow = Schemas['CoverageRow']
export type Definition = Schemas['DefinitionOut']
export type Definitions = Schemas['DefinitionsOut']
export type Explained = Schemas['ExplainedOut']
export type Feedback = Schemas['FeedbackOut']
export type FeedbackMonth = Schemas['FeedbackMonthOut']
export type Figure = Schemas['FigureOut']
export type GapRow = Schemas['GapRow']
export type Household = Schemas['HouseholdOut']
export type Import = Schemas['ImportOut']
export type Listed = Schemas['Listed']
export type Me = Schemas['MeOut']
export type MustVisit = Schemas['MustVisitOut']
export type OverdueRow = Schemas['OverdueRow']
export type Person = Schemas['PersonRow']
export type Proposal = Schemas['ProposalOut']
export type ProposalItem = Schemas['ItemRow']
export type Rate = Schemas['RateOut']
export type Region = Schemas['RegionRow']
export type Revealed = Schemas['RevealOut']
export type RevisedRow = Schemas['RevisedRow']
export type Run = Schemas['RunOut']
export type Series = Schemas['SeriesOut']
export type Token = Schemas['TokenOut']
export type VisitIn = Schemas['VisitIn']
export type Visit = Schemas['VisitOut']

/** What distinguishes the states of households behind a figure. */
export type DrillState = 'numerator' | 'denominator' | 'difference' | 'pending'
export type Level = 'township' | 'village' | 'grid' | 'micro_grid' | 'branch'
