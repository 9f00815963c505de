using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Runtime;

[assembly: IgnoresAccessChecksTo("Microsoft.ML.Core")]
[assembly: IgnoresAccessChecksTo("Microsoft.ML.Data")]

namespace MLNetExtensions.Tests;

/// <summary>What must fail, and how.</summary>
internal static class Must
{
    /// <summary>As ML.NET's own estimator test asks for it: a deliberate (marked) exception of one of two types, on the way in or innermost.</summary>
    internal static Exception Fail(Action action)
    {
        var thrown = Catch(action);
        var e = Innermost(thrown);
        Assert.IsTrue(e is ArgumentOutOfRangeException or InvalidOperationException, $"Not a refusal: {thrown}");
        Assert.IsTrue(e.IsMarked(), $"Not marked: {thrown}");
        return e;
    }

    internal static T Fail<T>(Action action)
        where T : Exception
    {
        var thrown = Catch(action);
        Assert.IsInstanceOfType<T>(thrown, thrown.ToString());
        Assert.IsTrue(thrown.IsMarked(), $"Not marked: {thrown}");
        return (T)thrown;
    }

    internal static Exception Catch(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            return e;
        }
        throw new AssertFailedException("Nothing was thrown.");
    }

    internal static Exception Innermost(Exception e)
    {
        while (e.InnerException is not null)
        {
            e = e.InnerException;
        }
        return e;
    }

    internal static void Contain(string text, params IEnumerable<string> parts)
    {
        foreach (var part in parts)
        {
            Assert.Contains(part, text);
        }
    }
}

/// <summary>Counts native tensors.</summary>
internal static class Tensors
{
    /// <summary>Runs the action and asserts that as many tensors live afterwards as before, without any help of the garbage collector.</summary>
    /// <param name="action">What is done.</param>
    /// <param name="counted">As many as TorchSharp goes on counting, see <see cref="ConformanceEntry.CountedParameters"/>.</param>
    internal static void AssertNoneLeft(Action action, int counted = 0)
    {
        Settle();
        AssertNoneLeftUnsettled(action, counted);
    }

    /// <summary>The same for loops, where collecting each time would take too long.</summary>
    internal static void AssertNoneLeftUnsettled(Action action, int counted = 0)
    {
        var before = TorchSharp.torch.Tensor.TotalCount;
        action();
        Assert.AreEqual(before + counted, TorchSharp.torch.Tensor.TotalCount, "Tensors were left behind.");
    }

    /// <summary>Lets the finalizers of earlier tests run, so that they do not count here.</summary>
    internal static void Settle()
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }
}

/// <summary>Says at once, on the thread that reports.</summary>
internal sealed class ImmediateProgress(Action<TrainingProgress> report) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) => report(value);
}

internal static class Models
{
    internal static byte[] Save(MLContext ml, ITransformer model, DataViewSchema? schema = null)
    {
        using var stream = new MemoryStream();
        ml.Model.Save(model, schema, stream);
        return stream.ToArray();
    }

    internal static ITransformer Load(byte[] file, MLContext? ml = null) => Load(file, out _, ml);

    internal static ITransformer Load(byte[] file, out DataViewSchema schema, MLContext? ml = null)
    {
        using var stream = new MemoryStream(file);
        return (ml ?? new MLContext()).Model.Load(stream, out schema);
    }

    internal static IReadOnlyList<string> Warnings(MLContext ml, Action action)
    {
        var warnings = new List<string>();
        EventHandler<LoggingEventArgs> handler = (_, e) =>
        {
            if (e.Kind == ChannelMessageKind.Warning)
            {
                lock (warnings)
                {
                    warnings.Add(e.Message);
                }
            }
        };
        ml.Log += handler;
        action();
        ml.Log -= handler;
        return warnings;
    }
}
