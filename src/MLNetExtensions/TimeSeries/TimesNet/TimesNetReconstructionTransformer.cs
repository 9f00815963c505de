using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>A trained model that reconstructs windows of series: see <see cref="TimesNetImputingTransformer"/> and <see cref="TimesNetAnomalyDetectionTransformer"/>.</summary>
public abstract class TimesNetReconstructionTransformer : SequenceScoringTransformer
{
    private protected TimesNetReconstructionTransformer(IHost host, TimesNetReconstructionModel model)
        : base(host)
    {
        Model = model;
        var series = Series.SeriesColumn(model.Options.InputColumnName, model.Channels);
        Inputs = model.Options.GroupColumnName is { } group ? [series, RowGroups.Column(group)] : [series];
    }

    /// <summary>The number of rows that are looked at together.</summary>
    public int WindowSize => Model.WindowSize;

    /// <summary>Whether a row is scored by the window that ends at it, and not by one that may reach beyond it.</summary>
    public bool IsCausal => Model.Options.Causal;

    /// <summary>The names of the channels, in the order of the slots of the series column.</summary>
    public IReadOnlyList<string> ChannelNames => Model.Options.ChannelNames;

    private protected override IEnumerable<(string Name, string Value)> Facts =>
    [
        ("window size", Html.Number((long)WindowSize)),
        ("windows", IsCausal ? "end at their row" : "one after another"),
        ("channels", string.Join(", ", ChannelNames)),
    ];

    internal TimesNetReconstructionModel Model { get; }

    internal sealed override IReadOnlyList<InputColumn> Inputs { get; }

    internal sealed override SequenceReach Reach => IsCausal ? SequenceReach.Past : SequenceReach.View;

    internal sealed override BatchScorer CreateScorer(ScoringSchema schema) => IsCausal ? new CausalScorer(this, CreateWriter(schema)) : new ViewScorer(this, CreateWriter(schema));

    internal sealed override int OnnxWindowSize => WindowSize;

    internal sealed override bool IsOnnxOfAllRows => !IsCausal;

    /// <summary>Makes what writes the outputs of one cursor.</summary>
    private protected abstract ReconstructionWriter CreateWriter(ScoringSchema schema);

    private protected sealed override void DisposeCore() => Model.Dispose();

    /// <summary>Scores the rows of a whole view.</summary>
    private sealed class ViewScorer(TimesNetReconstructionTransformer model, ReconstructionWriter writer) : BatchScorer
    {
        internal override void Score(ScoringBatch batch)
        {
            var (length, channels) = (model.WindowSize, model.Model.Channels);
            var values = batch.Input<double>(0);
            var groups = RowGroups.Of(model.Inputs.Count > 1 ? batch.Input<string>(1) : null, batch.Count);
            var reconstructor = new TimesNetReconstructor(model.Model.Network, writer.HasMask, (place, standardized, reconstruction) =>
            {
                for (var step = place.Taken; step < length; step++)
                {
                    writer.Write(batch, groups.RowAt(place.Group, place.Start + step), place.Scaler, standardized.Slice(step * channels, channels), reconstruction.Slice(step * channels, channels));
                }
            });
            writer.Begin(batch);
            var window = new double[length * channels];
            for (var group = 0; group < groups.Names.Count; group++)
            {
                var scaler = model.Model.Scales.Of(groups.Names[group]);
                foreach (var (start, taken) in WindowSplit.Consecutive(groups.CountOf(group), length))
                {
                    Check.Alive(model.Host);
                    var wanted = false;
                    for (var step = 0; step < length; step++)
                    {
                        var row = values[groups.RowAt(group, start + step)];
                        row.CopyTo(window.AsSpan(step * channels));
                        wanted |= step >= taken && writer.Wants(row);
                    }
                    if (wanted && writer.Takes(window))
                    {
                        reconstructor.Add(window, new(scaler, group, start, taken));
                    }
                }
            }
            reconstructor.Flush();
        }

        internal override void Complete() => writer.Complete(model);
    }

    /// <summary>Scores rows as they come, each by the window that ends at it.</summary>
    private sealed class CausalScorer(TimesNetReconstructionTransformer model, ReconstructionWriter writer) : BatchScorer
    {
        private readonly Dictionary<string, (WindowRing Ring, ColumnScaler Scaler)> _series = [];

        internal override void Score(ScoringBatch batch)
        {
            var (length, channels) = (model.WindowSize, model.Model.Channels);
            var values = batch.Input<double>(0);
            var groups = model.Inputs.Count > 1 ? batch.Input<string>(1) : null;
            var last = (length - 1) * channels;
            var reconstructor = new TimesNetReconstructor(model.Model.Network, writer.HasMask, (place, standardized, reconstruction)
                => writer.Write(batch, place.Start, place.Scaler, standardized[last..], reconstruction[last..]));
            writer.Begin(batch);
            for (var row = 0; row < batch.Count; row++)
            {
                var name = groups is null ? "" : groups[row][0];
                if (!_series.TryGetValue(name, out var series))
                {
                    _series.Add(name, series = (new(channels, length), model.Model.Scales.Of(name)));
                }
                series.Ring.Add(values[row]);
                if (series.Ring.Count == length && writer.Wants(values[row]) && series.Ring.ToRows() is var window && writer.Takes(window))
                {
                    reconstructor.Add(window, new(series.Scaler, Group: 0, row, length - 1));
                }
            }
            reconstructor.Flush();
        }

        internal override void Complete() => writer.Complete(model);
    }
}

/// <summary>Writes what a model makes of reconstructed windows, for one cursor.</summary>
internal abstract class ReconstructionWriter
{
    /// <summary>Whether the network is told what is missing.</summary>
    internal abstract bool HasMask { get; }

    /// <summary>Writes the outputs of every row as they are without a window.</summary>
    internal abstract void Begin(ScoringBatch batch);

    /// <summary>Whether there is anything to write for a row.</summary>
    internal abstract bool Wants(ReadOnlySpan<double> row);

    /// <summary>Whether a window can be reconstructed.</summary>
    internal abstract bool Takes(ReadOnlySpan<double> window);

    /// <summary>Writes the outputs of a row from a window that it lies in; called at most once for each row.</summary>
    internal abstract void Write(ScoringBatch batch, int row, ColumnScaler scaler, ReadOnlySpan<float> standardized, ReadOnlySpan<float> reconstruction);

    /// <summary>Called once after the last row.</summary>
    internal abstract void Complete(TimesNetReconstructionTransformer model);
}
