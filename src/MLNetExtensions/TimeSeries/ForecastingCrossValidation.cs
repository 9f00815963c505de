using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>Trains and evaluates a forecaster on several origins in time.</summary>
internal sealed class ForecastingCrossValidation
{
    private readonly IHostEnvironment _env;
    private readonly IHost _host;
    private readonly ForecastingCrossValidationOptions _options;
    private readonly EvaluationColumns _columns;

    internal ForecastingCrossValidation(IHostEnvironment env, ForecastingCrossValidationOptions options)
    {
        _env = env;
        _host = env.Register(nameof(ForecastingCrossValidation));
        Check.NotNull(_host, options);
        options = options.Copy();
        Check.ColumnName(_host, options.LabelColumnName);
        Check.ColumnName(_host, options.ForecastColumnName);
        _columns = new(options.LabelColumnName, options.ForecastColumnName, options.GroupColumnName, options.LowerColumnName, options.UpperColumnName);
        _columns.Validate(_host);
        Check.Option(_host, options.Seasonality > 0, options.Seasonality, "Must be positive");
        Check.Option(_host, options.WindowSize > 0, options.WindowSize, "Must be positive");
        Check.Option(_host, options.NumberOfFolds > 0, options.NumberOfFolds, "Must be positive");
        Check.Option(_host, options.TestSize is null or > 0, options.TestSize, "Must be positive, or null");
        Check.Option(_host, options.StepSize is null or > 0, options.StepSize, "Must be positive, or null");
        Check.Option(_host, options.GapSize >= 0, options.GapSize, "Must not be negative");
        Check.Option(_host, options.TrainingSize is null || options.TrainingSize >= LeastTrainingSize(options), options.TrainingSize, "Must be greater than the season and at least the window, or null");
        _options = options;
    }

    internal ForecastingCrossValidationResult Run(IDataView data, IEstimator<ITransformer> estimator)
    {
        Check.NotNull(_host, data);
        Check.NotNull(_host, estimator);
        var groups = RowGroups.Read(_host, data, _options.GroupColumnName);
        var sizes = Sizes(groups);
        // The seasonal-naive forecast looks back a season, which may be longer than the window. The least training rows are no fewer.
        var history = Math.Max(_options.WindowSize, _options.Seasonality);
        var folds = new List<ForecastingFold>();
        ITransformer? model = null;
        try
        {
            for (var fold = 0; fold < _options.NumberOfFolds; fold++)
            {
                Check.Alive(_host);
                var rows = Enumerable.Range(0, groups.Names.Count).Select(group => Rows(groups.CountOf(group), sizes, fold)).ToArray();
                var training = ForecastingSplit.Take(_host, data, groups, group => (rows[group].TrainingStart, rows[group].TrainingEnd));
                var test = ForecastingSplit.Take(_host, data, groups, group => (rows[group].TestStart - history, rows[group].TestEnd));
                model = estimator.Fit(training);
                var scored = model.Transform(test);
                CheckHorizon(scored.Schema, sizes.Test);
                var metrics = ForecastEvaluator.Evaluate(_env, scored, _columns, _options.Seasonality, model.Transform(training), history);
                folds.Add(new(fold, model, metrics, scored, [.. rows.Select((part, group) => new ForecastingFoldRows(groups.Names[group], part.TrainingStart..part.TrainingEnd, part.TestStart..part.TestEnd))]));
                model = null;
                Report(folds[^1]);
            }
        }
        catch
        {
            (model as IDisposable)?.Dispose();
            folds.ForEach(fold => (fold.Model as IDisposable)?.Dispose());
            throw;
        }
        return new(folds);
    }

    private static int LeastTrainingSize(ForecastingCrossValidationOptions options) => Math.Max(options.WindowSize, options.Seasonality + 1);

    private int TrainingSize => _options.TrainingSize ?? LeastTrainingSize(_options);

    private FoldSizes Sizes(RowGroups groups)
    {
        if (groups.Rows == 0)
        {
            throw Check.BadData(_host, "The data has no rows.");
        }
        var shortest = Enumerable.Range(0, groups.Names.Count).MinBy(groups.CountOf);
        var rows = groups.CountOf(shortest);
        var sizes = SizesFor(rows);
        if (!IsEnough(rows, sizes))
        {
            long needed = rows;
            while (!IsEnough(needed, SizesFor(needed)))
            {
                needed++;
            }
            throw Check.BadData(_host, $"{groups.Describe(shortest)} {rows} rows, which are too few for {_options.NumberOfFolds} folds: {needed} are needed, so that the first fold has at least "
                + $"{TrainingSize} rows to train on, a gap of {_options.GapSize} and a test part of {SizesFor(needed).Test}, each further fold beginning {SizesFor(needed).Step} rows later.");
        }
        return sizes;
    }

    private FoldSizes SizesFor(long rows)
    {
        // Equal parts, but the first fold keeps enough to train on.
        var step = _options.StepSize is { } known ? (_options.NumberOfFolds - 1L) * known : 0;
        var spare = (rows - _options.GapSize - TrainingSize - step) / (_options.StepSize is null ? _options.NumberOfFolds : 1);
        var equal = _options.TrainingSize is null ? (rows - _options.GapSize) / (_options.NumberOfFolds + 1) : spare;
        var test = _options.TestSize ?? (int)Math.Max(1, Math.Min(equal, spare));
        return new(test, _options.StepSize ?? test);
    }

    private bool IsEnough(long rows, FoldSizes sizes)
        => rows - (_options.NumberOfFolds - 1L) * sizes.Step - sizes.Test - _options.GapSize >= TrainingSize;

    private FoldRows Rows(int rows, FoldSizes sizes, int fold)
    {
        var testEnd = rows - (_options.NumberOfFolds - 1 - fold) * sizes.Step;
        var testStart = testEnd - sizes.Test;
        var trainingEnd = testStart - _options.GapSize;
        return new(_options.TrainingSize is { } size ? trainingEnd - size : 0, trainingEnd, testStart, testEnd);
    }

    private void CheckHorizon(DataViewSchema schema, int testSize)
    {
        if (schema.GetColumnOrNull(_columns.Forecast) is { } column && ForecastColumns.Horizon(column) is { } horizon && testSize < horizon)
        {
            throw Check.BadData(_host, $"The test parts of {testSize} rows are shorter than the {horizon} steps that '{_columns.Forecast}' forecasts: take fewer folds or a larger {nameof(_options.TestSize)}.");
        }
    }

    private void Report(ForecastingFold fold)
    {
        using var channel = _host.Start("CrossValidate");
        channel.Info($"Fold {fold.Fold} (of {_options.NumberOfFolds}): mean absolute error {Html.Number(fold.Metrics.MeanAbsoluteError)}, seasonal naive {Html.Number(fold.Metrics.SeasonalNaive.MeanAbsoluteError)}, {fold.Metrics.NumberOfForecasts} forecasts.");
    }

    private readonly record struct FoldSizes(int Test, int Step);

    private readonly record struct FoldRows(int TrainingStart, int TrainingEnd, int TestStart, int TestEnd);
}
