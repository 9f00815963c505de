using System.Globalization;
using Microsoft.ML;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Tests.Faults;

/// <summary>A process that trains is killed at a random moment; another goes on from its checkpoint and ends with the same model, bit for bit.</summary>
internal sealed class KilledTrainings : Fault
{
    private const int Epochs = 30;

    private static readonly Dictionary<string, ModelZip> s_uninterrupted = [];

    internal override string Name => "kill";

    protected override IEnumerable<ConformanceEntry> Entries => base.Entries.Where(entry => entry.Options is not null);

    protected override void Try(Case made)
    {
        var part = made.Random.NextDouble();
        var folder = Directory.CreateTempSubdirectory("MLNetExtensions");
        try
        {
            var path = Path.Combine(folder.FullName, "checkpoint");
            var killed = FaultProcess.TrainAndKill(made.Entry, path, Epochs, part);
            var files = string.Join(", ", folder.GetFiles().Select(file => file.Name));
            made.What = string.Create(CultureInfo.InvariantCulture, $"{(killed ? "killed" : "not killed")} after {part:P0}, leaving '{files}'");
            var resumed = Fit(made.Entry, Epochs, path, out var epochs);
            made.What += string.Create(CultureInfo.InvariantCulture, $", {epochs} epochs to go");
            if (!s_uninterrupted.TryGetValue(made.Entry.Name, out var expected))
            {
                expected = Fit(made.Entry, Epochs, path: null, out _);
                s_uninterrupted.Add(made.Entry.Name, expected);
            }
            foreach (var name in expected.Entries.Keys)
            {
                CollectionAssert.AreEqual(expected.Entries[name], resumed.Entries[name], name);
            }
            Assert.IsEmpty(folder.GetFiles(), "Files were left behind.");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Trains.</summary>
    /// <param name="entry">The estimator.</param>
    /// <param name="maximumNumberOfEpochs">The epochs.</param>
    /// <param name="path">The checkpoint; null = none.</param>
    /// <param name="epochs">The epochs that were trained here.</param>
    /// <returns>The model file.</returns>
    internal static ModelZip Fit(ConformanceEntry entry, int maximumNumberOfEpochs, string? path, out int epochs)
    {
        using var threads = TorchThreads.Use(1);
        var trained = 0;
        var options = entry.Options!();
        options.MaximumNumberOfEpochs = maximumNumberOfEpochs;
        options.CheckpointPath = path;
        options.Progress = new ImmediateProgress(_ => trained++);
        var ml = new MLContext(1);
        var model = entry.CreateWith!(ml, options).Fit(entry.Data(entry.Rows));
        using var disposable = model as IDisposable;
        epochs = trained;
        return new(Models.Save(ml, model));
    }
}
