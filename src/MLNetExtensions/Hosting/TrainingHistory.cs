namespace MLNetExtensions;

/// <summary>The losses of a training, epoch by epoch: set one as <see cref="TrainingOptions.Progress"/>, and look at it when the training has ended, or while it runs.</summary>
public sealed class TrainingHistory : ProgressHistory<TrainingProgress>
{
    private protected override IReadOnlyList<string> Header { get; } = ["Epoch", "phase", "training loss", "validation loss", "learning rate", "seconds"];

    private protected override IReadOnlyList<string> Row(TrainingProgress report)
        => [Html.Number((long)report.Epoch), Html.Number((long)report.Phase), Html.Number(report.TrainingLoss), report.ValidationLoss is { } loss ? Html.Number(loss) : "", Html.Number(report.LearningRate), Html.Number(report.Elapsed.TotalSeconds)];

    private protected override IEnumerable<string> Charts(IReadOnlyList<TrainingProgress> reports) => Runs(reports, report => report.Epoch).Select(Chart);

    private static string Chart(TrainingProgress[] reports)
    {
        var training = new ChartLine("training", Html.Color(0), [.. reports.Select(report => report.TrainingLoss)]);
        var validation = new ChartLine("validation", Html.Color(1), [.. reports.Select(report => report.ValidationLoss ?? double.NaN)]);
        return Html.LineChart(reports[0].Phase == 1 ? "Loss" : FormattableString.Invariant($"Loss, phase {reports[0].Phase}"), "epoch", fromZero: true, [.. reports.Select(report => (double)report.Epoch)], reports.Any(report => report.ValidationLoss is not null) ? [training, validation] : [training]);
    }
}
