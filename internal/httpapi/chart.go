package httpapi

import (
	"context"
	"net/http"

	"github.com/narrativeml/narrative/internal/dataset/chart"
)

type chartInput struct {
	DatasetRef
	LookedAt
	Kind      string `path:"kind" enum:"histogram,box_plot,scatter,line,time_series,heat_map" doc:"What to draw" example:"scatter"`
	X         string `query:"x" maxLength:"1024" doc:"The column along the horizontal axis: of a histogram any, of a time series dates or instants, of a scatter plot and a line numbers or instants; a line without it runs along the rows, a heat map without x and y shows correlations"`
	Y         string `query:"y" maxLength:"1024" doc:"The column of numbers along the vertical axis; of a heat map any; a time series without it counts rows"`
	By        string `query:"by" maxLength:"1024" doc:"A column of texts or booleans whose ten most frequent values are told apart, in box plots, scatter plots and time series"`
	Bins      int    `query:"bins" minimum:"2" maximum:"100" default:"30" doc:"At most so many bins of a histogram, and of each side of a heat map"`
	Points    int    `query:"points" minimum:"10" maximum:"10000" default:"1000" doc:"At most so many points or intervals"`
	Interval  string `query:"interval" enum:"second,minute,hour,day,week,month,quarter,year" doc:"Of a time series; default: the shortest that gives no more points than asked for"`
	Aggregate string `query:"aggregate" enum:"mean,sum,count,min,max" doc:"What a time series shows of an interval; default: mean"`
	Revalidation
}

func (s *server) registerCharts() {
	register(s, operation(tagDatasets, "GET /datasets/{id}/charts/{kind}", "get-chart", "Draw a chart",
		`The data of a chart. Of a table of more than a million rows, ten million along an axis, evenly chosen parts are read, and of many points a sample is taken, always the same, to which the farthest outliers are added; sampled says so, and sums and counts of a time series are estimates then. Columns of personal data are not drawn. A histogram, and a heat map of correlations, are of all rows. The data set must be ready.`,
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict), s.getChart)
}

func (s *server) getChart(ctx context.Context, in *chartInput) (*answered[chart.Chart], error) {
	d, err := s.datasets.Look(ctx, callerOf(ctx).Tenant, in.ID, in.Version)
	if err != nil {
		return nil, err
	}
	req := chart.Request{Kind: in.Kind, X: in.X, Y: in.Y, By: in.By, Bins: in.Bins, Points: in.Points, Interval: in.Interval, Aggregate: in.Aggregate}
	return answerOf(ctx, s, s.keyOf(d, answerChart, req), in.Revalidation, func(ctx context.Context) (chart.Chart, error) {
		c, err := s.datasets.Chart(ctx, d, req)
		if err != nil {
			return chart.Chart{}, err
		}
		return *c, nil
	})
}
