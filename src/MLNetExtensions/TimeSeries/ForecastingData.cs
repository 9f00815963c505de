using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>
/// The data of a forecaster's training: series standardised by their training rows, and the windows of each part. The rows of each series are, in time order, for
/// training, for validation and for the calibration of bounds; a window belongs to the part that holds its targets.
/// </summary>
internal sealed class ForecastingData
{
    private readonly ForecastingOptions _options;
    private readonly List<int> _training = [];
    private readonly List<int> _validation = [];
    private readonly List<int> _calibration = [];
    private readonly List<Range> _trainingRows = [];

    /// <exception cref="InvalidOperationException">There are too few rows.</exception>
    internal ForecastingData(IHost host, IDataView data, ForecastingOptions options)
    {
        _options = options;
        Series = Series.Read(host, data, options.Columns, options.CancellationToken);
        TargetChannels = FindTargets(host, options, Series.ChannelNames);
        Split(host);
        Scales = options.Standardize ? SeriesScales.Fit(Series, _trainingRows, options is { StandardizePerGroup: true, GroupColumnName: not null }) : SeriesScales.None(Series.Channels);
        Standardized = Scales.Standardize(host, Series, options.InputColumnName!);
    }

    internal Series Series { get; }

    /// <summary>The indices of the channels to forecast.</summary>
    internal IReadOnlyList<int> TargetChannels { get; }

    /// <summary>The scales of the series.</summary>
    internal SeriesScales Scales { get; }

    /// <summary>The standardised series, row by row.</summary>
    internal double[] Standardized { get; }

    /// <summary>The training rows of each series.</summary>
    internal IReadOnlyList<Range> TrainingRows => _trainingRows;

    internal WindowSource Training(Tensor series) => Windows(series, _training);

    /// <summary>The windows that choose the best epoch; null = none.</summary>
    internal WindowSource? Validation(Tensor series) => _validation.Count == 0 ? null : Windows(series, _validation);

    /// <summary>The windows from whose errors bounds are computed; null = no bounds are asked for.</summary>
    internal WindowSource? Calibration(Tensor series) => _calibration.Count == 0 ? null : Windows(series, _calibration);

    /// <summary>The standardised series, with the marks of their times if there are any, as a tensor [rows, N + M] of the open dispose scope.</summary>
    internal Tensor ToTensor(Device device)
    {
        var series = ConstantTensor.Create(Standardized, [Series.Rows, Series.Channels], ScalarType.Float32, device);
        return _options.TimeMarks is { } marks ? cat([series, Marks(marks).to(device)], 1) : series;
    }

    /// <summary>Stands for all that is trained on.</summary>
    internal string Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes(Standardized.AsSpan()));
        if (_options.TimeMarks is not null)
        {
            hash.AppendData(MemoryMarshal.AsBytes(Series.Times));
        }
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>The last rows of each series, where forecasting goes on: at most a window. A row ends with its time where the network is told of it.</summary>
    internal IReadOnlyDictionary<string, double[]> Histories()
        => Series.Groups.ToDictionary(group => group.Name, group =>
        {
            var rows = Math.Min(group.Rows, _options.WindowSize);
            var start = group.Start + group.Rows - rows;
            if (_options.TimeMarks is null)
            {
                return Series.Slice(start, rows).ToArray();
            }
            var history = new List<double>();
            for (var row = start; row < start + rows; row++)
            {
                history.AddRange([.. Series.Slice(row, 1), Series.Times[row]]);
            }
            return [.. history];
        });

    private WindowSource Windows(Tensor series, List<int> starts) => new(series, Series.Channels, starts, _options.WindowSize, _options.Horizon);

    // [rows, M].
    private Tensor Marks(TimeMarks marks)
    {
        var result = empty(Series.Rows, marks.Count);
        var values = MemoryMarshal.Cast<byte, float>(result.bytes);
        for (var row = 0; row < Series.Rows; row++)
        {
            marks.Write(Series.Times[row], values.Slice(row * marks.Count, marks.Count));
        }
        GC.KeepAlive(result);
        return result;
    }

    private void Split(IHost host)
    {
        var (window, horizon) = (_options.WindowSize, _options.Horizon);
        var needed = (long)window + horizon;
        var skipped = 0;
        foreach (var group in Series.Groups)
        {
            var (training, validation, calibration) = Parts(group.Rows);
            if (training < needed && Series.Groups.Count > 1)
            {
                // Too short to be split: it trains with what it has, or not at all.
                (training, validation, calibration) = (group.Rows, 0, 0);
            }
            _trainingRows.Add(group.Start..(group.Start + Math.Max(0, training)));
            if (training < needed)
            {
                skipped++;
                continue;
            }
            AddWindows(_training, group.Start, training);
            // The first window of a part looks back on the part before; its targets begin at the border.
            AddWindows(_validation, group.Start + training - window, validation == 0 ? 0 : validation + window);
            AddWindows(_calibration, group.Start + training + validation - window, calibration == 0 ? 0 : calibration + window);
        }
        if (_training.Count == 0 || (_options.ValidationFraction > 0 && _validation.Count == 0) || (_options.ConfidenceLowerBoundColumnName is not null && _calibration.Count == 0))
        {
            var longest = Series.Groups.Count == 0 ? 0 : Series.Groups.Max(group => group.Rows);
            var (_, validation, calibration) = Parts(longest);
            throw Check.BadData(host, $"The series column '{_options.InputColumnName}' has {longest} rows{(Series.Groups.Count > 1 ? " in its longest series" : "")}, {validation} of them for validation"
                + $"{(calibration > 0 ? $" and {calibration} for the calibration of bounds" : "")}: training needs at least windowSize + horizon = {needed} rows before these.");
        }
        if (skipped > 0)
        {
            using var channel = host.Start("Read");
            channel.Warning($"{skipped} of {Series.Groups.Count} series are shorter than windowSize + horizon = {needed} rows and are not trained on.");
        }
    }

    private (int Training, int Validation, int Calibration) Parts(int rows)
    {
        var calibration = _options.ConfidenceLowerBoundColumnName is null ? 0 : PartRows(rows, _options.CalibrationFraction);
        var validation = PartRows(rows - calibration, _options.ValidationFraction);
        return (rows - calibration - validation, validation, calibration);
    }

    // At least one window of targets where there is a part at all.
    private int PartRows(int rows, double fraction) => fraction == 0 ? 0 : Math.Max((int)Math.Round(fraction * rows), _options.Horizon);

    private void AddWindows(List<int> starts, int start, int rows)
    {
        for (var i = 0; i <= rows - _options.WindowSize - _options.Horizon; i++)
        {
            starts.Add(start + i);
        }
    }

    private static int[] FindTargets(IHost host, ForecastingOptions options, IReadOnlyList<string> channelNames)
    {
        if (options.TargetChannels is not { } targets)
        {
            return [.. Enumerable.Range(0, channelNames.Count)];
        }
        return [.. targets.Select(target =>
        {
            var index = channelNames.ToList().IndexOf(target);
            index = index < 0 && int.TryParse(target, out var number) && number < channelNames.Count ? number : index;
            Check.Option(host, index >= 0, options.TargetChannels, $"'{target}' is no channel of '{options.InputColumnName}', whose channels are {string.Join(", ", channelNames.Select(name => $"'{name}'"))}");
            return index;
        }).Distinct()];
    }
}
