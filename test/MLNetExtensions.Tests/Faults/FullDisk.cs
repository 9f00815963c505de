using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Tests.Faults;

/// <summary>
/// A disk that is full, and targets that cannot be written: an exception that says so, the old file as it was, nothing beside it. It limits the size of the files that this process may write, and so
/// runs in one of its own.
/// </summary>
internal sealed class FullDisk : Fault
{
    private const int Epochs = 4;

    internal override string Name => "disk";

    protected override void Try(Case made)
    {
        var folder = Directory.CreateTempSubdirectory("MLNetExtensions");
        try
        {
            // Loaded before anything is limited.
            FaultModel.Of(made.Entry);
            var trains = made.Entry.Options is not null;
            var forecasts = made.Entry.Outputs.Contains("Forecast") && made.Entry.Inputs is ["Values"];
            switch (made.Random.Next(4))
            {
                case 0 when trains:
                    FullWhileTraining(made, Path.Combine(folder.FullName, "checkpoint"));
                    break;
                case 1 when trains:
                    UnwritableCheckpoint(made, folder.FullName);
                    break;
                case 2 when forecasts:
                    Engine(made, folder.FullName);
                    break;
                default:
                    Save(made, folder.FullName);
                    break;
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void FullWhileTraining(Case made, string path)
    {
        // A training that was interrupted leaves a checkpoint.
        using (var source = new CancellationTokenSource())
        {
            Assert.Throws<OperationCanceledException>(() => Fit(made.Entry, path, options =>
            {
                options.CancellationToken = source.Token;
                options.Progress = new ImmediateProgress(_ => source.Cancel());
            }));
        }
        var old = File.ReadAllBytes(path);
        var limit = made.Random.Next(old.Length + old.Length / 8);
        made.What = string.Create(CultureInfo.InvariantCulture, $"{limit} bytes for a checkpoint of {old.Length}");
        Exception? thrown = null;
        ModelZip? trained = null;
        using (FileSizeLimit.Of(limit))
        {
            try
            {
                trained = Fit(made.Entry, path);
            }
            catch (Exception e)
            {
                thrown = e;
            }
        }
        if (thrown is not null)
        {
            AssertSays(thrown, path);
            CollectionAssert.AreEqual(old, File.ReadAllBytes(path), "The old checkpoint is not what it was.");
            AssertOnly(path);
            trained = Fit(made.Entry, path);
        }
        AssertSame(Fit(made.Entry, path: null), trained!);
        Assert.IsFalse(File.Exists(path));
    }

    private static void UnwritableCheckpoint(Case made, string folder)
    {
        var file = Path.Combine(folder, "file");
        File.WriteAllText(file, "old");
        string[] targets = [Path.Combine(file, "checkpoint"), Path.Combine(folder, "nowhere", "checkpoint"), "/proc/checkpoint", "/proc/self/checkpoint", folder];
        var target = targets[made.Random.Next(targets.Length)];
        made.What = $"checkpoint in {target}";
        AssertSays(Must.Catch(() => Fit(made.Entry, target)), target);
        Assert.AreEqual("old", File.ReadAllText(file));
        AssertOnly(file);
    }

    private static void Save(Case made, string folder)
    {
        var original = FaultModel.Of(made.Entry);
        var path = Path.Combine(folder, "model.zip");
        var ml = new MLContext(1);
        var limit = made.Random.Next(original.File.Length + original.File.Length / 8);
        made.What = string.Create(CultureInfo.InvariantCulture, $"{limit} bytes for a model of {original.File.Length}");
        var failed = false;
        using (FileSizeLimit.Of(limit))
        {
            try
            {
                ml.Model.Save(original.Model, null, path);
            }
            catch (Exception e)
            {
                failed = true;
                // The second is what .NET makes of a file that may not grow.
                Assert.IsTrue(Must.Innermost(e) is IOException or ArgumentOutOfRangeException, e.ToString());
            }
        }
        // The file itself is ML.NET's to write. What our model is asked for again, it gives.
        AssertOnly(path);
        ml.Model.Save(original.Model, null, path);
        var loaded = Models.Load(File.ReadAllBytes(path));
        using var disposable = loaded as IDisposable;
        original.AssertScoresAlike(loaded);
        Assert.IsTrue(failed || limit > 0, "Nothing was written.");
        Assert.IsInstanceOfType<IOException>(Must.Innermost(Must.Catch(() => ml.Model.Save(original.Model, null, Path.Combine(path, "model.zip")))));
    }

    private static void Engine(Case made, string folder)
    {
        var original = FaultModel.Of(made.Entry);
        var path = Path.Combine(folder, "model.zip");
        var ml = new MLContext(1);
        using var engine = original.Model.CreateForecastEngine<SeriesRow, ForecastRow>(ml);
        engine.CheckPoint(path);
        var old = File.ReadAllBytes(path);
        engine.Update(new() { Values = [1, 2] });
        var limit = made.Random.Next(old.Length);
        made.What = string.Create(CultureInfo.InvariantCulture, $"{limit} bytes for an engine of {old.Length}");
        using (FileSizeLimit.Of(limit))
        {
            Assert.IsInstanceOfType<IOException>(Must.Catch(() => engine.CheckPoint(path)));
        }
        CollectionAssert.AreEqual(old, File.ReadAllBytes(path), "The old file is not what it was.");
        AssertOnly(path);
        foreach (var target in new[] { Path.Combine(path, "model.zip"), "/proc/model.zip" })
        {
            var e = Must.Innermost(Must.Catch(() => engine.CheckPoint(target)));
            Assert.IsTrue(e is IOException or UnauthorizedAccessException, e.ToString());
        }
        AssertOnly(path);
        var forecast = engine.Predict().Forecast;
        engine.CheckPoint(path);
        var loaded = Models.Load(File.ReadAllBytes(path));
        using var disposable = loaded as IDisposable;
        using var next = loaded.CreateForecastEngine<SeriesRow, ForecastRow>(ml);
        CollectionAssert.AreEqual(forecast, next.Predict().Forecast);
    }

    private static void AssertSays(Exception e, string path)
    {
        Assert.IsInstanceOfType<InvalidOperationException>(e, e.ToString());
        Assert.IsTrue(e.IsMarked(), $"Not marked: {e}");
        Must.Contain(e.Message, path);
    }

    private static void AssertOnly(string path)
        => CollectionAssert.AreEqual(new[] { path }, Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!), "Files were left behind.");

    private static void AssertSame(ModelZip expected, ModelZip actual)
    {
        foreach (var name in expected.Entries.Keys)
        {
            CollectionAssert.AreEqual(expected.Entries[name], actual.Entries[name], name);
        }
    }

    private static ModelZip Fit(ConformanceEntry entry, string? path, Action<TrainingOptions>? set = null)
    {
        using var threads = TorchThreads.Use(1);
        var options = entry.Options!();
        options.MaximumNumberOfEpochs = Epochs;
        options.CheckpointPath = path;
        set?.Invoke(options);
        var ml = new MLContext(1);
        var model = entry.CreateWith!(ml, options).Fit(entry.Data(entry.Rows));
        using var disposable = model as IDisposable;
        return new(Models.Save(ml, model));
    }

    private sealed class SeriesRow
    {
        [VectorType(2)]
        public float[] Values { get; set; } = [];
    }

    private sealed class ForecastRow
    {
        public float[] Forecast { get; set; } = [];
    }
}

/// <summary>The most bytes that a file of this process may have, as a disk that is full: writing more fails.</summary>
internal static class FileSizeLimit
{
    private const int FileSize = 1;

    /// <summary>Sets the limit until the result is disposed.</summary>
    internal static IDisposable Of(long bytes)
    {
        Check(GetLimit(FileSize, out var before));
        var limit = new Limits { Current = (nuint)bytes, Most = before.Most };
        Check(SetLimit(FileSize, in limit));
        return new Scope(before);
    }

    private static void Check(int result) => Assert.AreEqual(0, result, "The limit of the file size cannot be set.");

    [DllImport("libc", EntryPoint = "getrlimit")]
    private static extern int GetLimit(int resource, out Limits limits);

    [DllImport("libc", EntryPoint = "setrlimit")]
    private static extern int SetLimit(int resource, in Limits limits);

    [StructLayout(LayoutKind.Sequential)]
    private struct Limits
    {
        internal nuint Current;
        internal nuint Most;
    }

    private sealed class Scope(Limits before) : IDisposable
    {
        public void Dispose() => Check(SetLimit(FileSize, in before));
    }
}
