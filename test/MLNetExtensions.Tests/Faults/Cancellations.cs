using System.Globalization;
using Microsoft.ML;
using TorchSharp;

namespace MLNetExtensions.Tests.Faults;

/// <summary>Cancellation at random moments, by the token and by the context: an exception that says so, or a model that scores; nothing is left behind.</summary>
internal sealed class Cancellations : Fault
{
    private const int Epochs = 6;

    internal override string Name => "cancel";

    protected override IEnumerable<ConformanceEntry> Entries => base.Entries.Where(entry => entry.Options is not null);

    protected override void Try(Case made)
    {
        var entry = made.Entry;
        var original = FaultModel.Of(entry);
        var random = made.Random;
        var behavior = random.Next(2) == 0 ? CancellationBehavior.Throw : CancellationBehavior.ReturnBest;
        var byContext = random.Next(2) == 0;
        var epoch = random.Next(-2, Epochs);
        // Before the training, at a row, at the end of an epoch, or at any moment.
        var row = random.Next(entry.Rows);
        var delay = TimeSpan.FromMilliseconds(random.NextDouble() * 60);
        made.What = string.Create(CultureInfo.InvariantCulture, $"{behavior} by {(byContext ? "context" : "token")} {(epoch switch { -2 => $"at row {row}", -1 => $"after {delay.TotalMilliseconds:F1} ms", 0 => "at the start", _ => $"after epoch {epoch}" })}");

        Tensors.Settle();
        var before = torch.Tensor.TotalCount;
        var ml = new MLContext(1);
        using var source = new CancellationTokenSource();
        var options = entry.Options!();
        options.MaximumNumberOfEpochs = Epochs;
        options.OnCancellation = behavior;
        options.CancellationToken = source.Token;
        options.Progress = new ImmediateProgress(progress =>
        {
            if (progress.Epoch == epoch)
            {
                Cancel();
            }
        });
        var estimator = entry.CreateWith!(ml, options);
        var data = entry.Data(entry.Rows);
        data.OnRow = at =>
        {
            if (epoch == -2 && at == row)
            {
                Cancel();
            }
        };
        ITransformer model;
        using (epoch == -1 ? new Timer(_ => Cancel(), null, delay, Timeout.InfiniteTimeSpan) : null)
        {
            if (epoch == 0)
            {
                Cancel();
            }
            try
            {
                model = estimator.Fit(data);
            }
            catch (OperationCanceledException)
            {
                Assert.IsTrue(behavior == CancellationBehavior.Throw || epoch <= 0, "It did not return what it had.");
                Assert.AreEqual(before + entry.CountedParameters, Math.Max(torch.Tensor.TotalCount, before + entry.CountedParameters), "Tensors were left behind.");
                return;
            }
        }
        using (model as IDisposable)
        {
            var file = Models.Save(new MLContext(), model);
            var loaded = Models.Load(file);
            using var disposable = loaded as IDisposable;
            Refusal.AssertFinite(entry, Snapshot.Of(loaded.Transform(entry.Data(40))), entry.Data(1).Schema.Count, nanAllowed: Refusal.HasNaN(original.Scores, entry.Data(1).Schema.Count));
        }

        void Cancel()
        {
            if (byContext)
            {
                ml.CancelExecution();
            }
            else
            {
                source.Cancel();
            }
        }
    }
}
