using MLNetExtensions;
using Spectre.Console;

namespace Forecasting;

/// <summary>Shows a training on the console: a bar in a terminal, a line per epoch where the output goes elsewhere.</summary>
internal static class TrainingDisplay
{
    public static T Show<T>(Func<IProgress<TrainingProgress>, T> train)
    {
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Ansi)
        {
            return train(new Reporter(progress => Console.WriteLine(progress)));
        }
        return AnsiConsole.Progress()
            .Columns(new SpinnerColumn(), new ProgressBarColumn { Width = 20 }, new TaskDescriptionColumn { Alignment = Justify.Left }, new ElapsedTimeColumn())
            .Start(context =>
            {
                var bar = context.AddTask("first epoch");
                var result = train(new Reporter(progress =>
                {
                    bar.MaxValue = progress.MaximumNumberOfEpochs;
                    bar.Value = progress.Epoch;
                    bar.Description = $"{progress.Epoch}/{progress.MaximumNumberOfEpochs} loss {progress.TrainingLoss:F4}, validation {progress.ValidationLoss:F4}";
                }));
                // Training may end before the last epoch.
                bar.Value = bar.MaxValue;
                return result;
            });
    }

    // Unlike Progress<T>, reports in order and at once.
    private sealed class Reporter(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
